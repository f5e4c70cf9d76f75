/** What admission knows of each queue, kept in memory: nothing here asks Redis. */
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';

import type { Load } from './admit.ts';
import { createBacklog, type Backlog, type ClassCounts } from './backlog.ts';
import { predictWait } from './predict-wait.ts';

type Parts = {
  readonly draining: () => boolean;
  /** Share of Redis' maxmemory in use. */
  readonly memoryShare: () => number;
  readonly model: (
    queue: string,
  ) => { readonly workers: number; readonly latency: readonly LatencyPoint[]; readonly rowsPerMs: number } | undefined;
  /** Bytes of inputs that may wait for one model. */
  readonly maxWaitingBytes: number;
  /** How far this process is behind with its own work. */
  readonly behindMs: () => number;
  readonly now: () => number;
};

export type QueueLoads = {
  load(queue: string, priority: PriorityClass): Load;
  admitted(queue: string, job: { priority: PriorityClass; rows: number; bytes: number }): void;
  /** A call that added `jobs` has told how many of each class wait; undefined when it failed. */
  added(queue: string, jobs: number, byClass: readonly number[] | undefined): void;
  /** How long a job of this class really waited, beside what was predicted for it. */
  waited(queue: string, priority: PriorityClass, wait: { predictedMs: number; actualMs: number }): void;
  /** For the operations port: predicted wait in ms and arriving rows per second, by class. */
  forecast(queue: string): {
    waitMs: Readonly<Record<PriorityClass, number>>;
    arrivalsPerS: Readonly<Record<PriorityClass, number>>;
    rowsPerS: number;
  };
};

export function createQueueLoads({ draining, memoryShare, model, maxWaitingBytes, behindMs, now }: Parts): QueueLoads {
  const backlogs = new Map<string, Backlog>();

  function backlogOf(queue: string): Backlog {
    const known = backlogs.get(queue);
    if (known) return known;
    const made = createBacklog();
    backlogs.set(queue, made);
    return made;
  }
  function waitOf(backlog: Backlog, priority: number, rows: ClassCounts, rowsPerMs: number): number {
    return predictWait(priority, rows, backlog.arrivals(now()), rowsPerMs) * backlog.correction(priority);
  }
  const byClass = <T>(value: (index: number) => T): Record<PriorityClass, T> =>
    Object.fromEntries(PRIORITY_CLASSES.map((name, i) => [name, value(i)])) as Record<PriorityClass, T>;

  return {
    load(queue, priority) {
      const { workers, latency, rowsPerMs } = model(queue) ?? { workers: 0, latency: [], rowsPerMs: 0 };
      const backlog = backlogOf(queue);
      const rows = backlog.rows(now(), rowsPerMs);
      return {
        draining: draining(),
        workers,
        latency,
        memoryShare: memoryShare(),
        waitMs: waitOf(backlog, PRIORITY_CLASSES.indexOf(priority), rows, rowsPerMs),
        bytesShare: backlog.bytes(rows) / maxWaitingBytes,
        behindMs: behindMs(),
      };
    },
    admitted(queue, { priority, rows, bytes }) {
      backlogOf(queue).admitted({ class: PRIORITY_CLASSES.indexOf(priority), rows, bytes }, now());
    },
    added(queue, jobs, counts) {
      backlogOf(queue).told(jobs, counts, now());
    },
    waited(queue, priority, { predictedMs, actualMs }) {
      backlogOf(queue).waited(PRIORITY_CLASSES.indexOf(priority), predictedMs, actualMs);
    },
    forecast(queue) {
      const rowsPerMs = model(queue)?.rowsPerMs ?? 0;
      const backlog = backlogOf(queue);
      const arrivals = backlog.arrivals(now());
      const rows = backlog.rows(now(), rowsPerMs);
      return {
        waitMs: byClass((i) => waitOf(backlog, i, rows, rowsPerMs)),
        arrivalsPerS: byClass((i) => (arrivals[i] ?? 0) * 1_000),
        rowsPerS: rowsPerMs * 1_000,
      };
    },
  };
}
