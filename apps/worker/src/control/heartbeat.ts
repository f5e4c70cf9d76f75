/** What the worker tells of itself, kept up to date by the runs and read once a second. */
import { availableParallelism, hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Batching } from '@batchyard/shared/contract/batching';
import type { CapChange, Heartbeat, LatencyPoint, WorkerState } from '@batchyard/shared/contract/heartbeat';
import type { WorkerMemory } from '@batchyard/shared/contract/memory';

import { createRunCounts, smoothed, type Run } from './run-counts.ts';

export type ModelLine = {
  readonly queue: string;
  readonly signature: string;
  readonly intraOpThreads: number;
  readonly sessions: number;
  /** Further signatures of jobs that it can run. */
  readonly also: readonly string[];
  readonly leaving: boolean;
  latency(): LatencyPoint[];
  /** How long it leaves the queue to others. */
  restMs(): number;
  /** Of its last runs: how full they were, and how well the busy time was used. */
  use(): { readonly fill: number; readonly efficiency: number };
  batching(): { readonly batching: Batching; readonly cap: number; readonly changes: readonly CapChange[] };
};

type Parts = {
  readonly worker: string;
  readonly token: () => string;
  readonly version: string;
  /** Those that it serves now. */
  readonly models: () => readonly ModelLine[];
  /** Of the directive that is followed. */
  readonly reason: () => string | undefined;
  readonly inFlight: () => number;
  readonly memory: () => WorkerMemory;
  readonly capacityRows: () => number;
  readonly cores: number;
  readonly opsPort: () => number;
  readonly named: boolean;
};

export type HeartbeatBook = {
  ran(run: Run): void;
  /** Jobs of a queue, because their run did. */
  jobFailed(queue: string, jobs: number): void;
  failed(): void;
  state(): WorkerState;
  enter(state: WorkerState): void;
  heartbeat(nowMs: number): Heartbeat;
};

const tell = ({ batching, cap, changes }: ReturnType<ModelLine['batching']>) => ({
  ...batching,
  cap,
  changes: [...changes],
});

const tellModel = (line: ModelLine) => ({
  queue: line.queue,
  signature: line.signature,
  sessions: line.sessions,
  intra_op_threads: line.intraOpThreads,
  latency: line.latency(),
  ...line.use(),
  rest_ms: line.restMs(),
  batching: tell(line.batching()),
  ...(line.also.length > 0 ? { also: [...line.also] } : {}),
  ...(line.leaving ? { leaving: true } : {}),
});

export function createHeartbeatBook(parts: Parts): HeartbeatBook {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const startedAt = Date.now();
  let state: WorkerState = 'starting';
  let batches = 0;
  let rows = 0;
  const counts = createRunCounts();
  let failures = 0;
  let responseMs: number | undefined;
  const busyMs = new Map<string, number>();
  let since = performance.now();
  let cpu = process.cpuUsage();
  return {
    state: () => state,
    enter(next) {
      state = next;
    },
    ran(run) {
      counts.ran(run);
      batches += 1;
      rows += run.rows;
      busyMs.set(run.queue, (busyMs.get(run.queue) ?? 0) + run.runMs);
      responseMs = smoothed(responseMs, run.runMs);
    },
    jobFailed: counts.jobFailed,
    failed() {
      failures += 1;
    },
    heartbeat(nowMs) {
      const busyIn = (queue: string, sessions: number): number =>
        Math.min(1, (busyMs.get(queue) ?? 0) / Math.max(1, sessions) / Math.max(1, nowMs - since));
      const models = parts.models();
      const busy = new Map(models.map(({ queue, sessions }) => [queue, busyIn(queue, sessions)]));
      const load = [...busy.values()].reduce((sum, share) => sum + share, 0) / Math.max(1, busy.size);
      const { user, system } = process.cpuUsage(cpu);
      cpu = process.cpuUsage();
      const cpuCores = (user + system) / 1_000 / Math.max(1, nowMs - since);
      busyMs.clear();
      since = nowMs;
      const loopDelayMs = delay.mean / 1e6;
      delay.reset();
      const memory = parts.memory();
      const reason = parts.reason();
      return {
        id: parts.worker,
        token: parts.token(),
        pid: process.pid,
        host: hostname(),
        cores: parts.cores,
        version: parts.version,
        state,
        models: models.map((line) => ({
          ...tellModel(line),
          ...counts.told(line.queue),
          busy: busy.get(line.queue) ?? 0,
        })),
        ...(reason === undefined ? {} : { reason }),
        in_flight: parts.inFlight(),
        capacity_rows: parts.capacityRows(),
        load,
        response_ms: responseMs ?? 0,
        batches,
        rows,
        failures,
        rss_bytes: process.memoryUsage.rss(),
        cpu_cores: cpuCores,
        host_cores: availableParallelism(),
        slab_bytes: memory.pool.used_bytes + memory.pool.idle_bytes,
        memory,
        loop_delay_ms: Number.isFinite(loopDelayMs) ? loopDelayMs : 0,
        ops_port: parts.opsPort(),
        named: parts.named,
        started_at: startedAt,
      };
    },
  };
}
