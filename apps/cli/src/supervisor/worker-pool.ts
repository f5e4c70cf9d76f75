/** The workers of this machine: as many as are wished, within what was configured. The youngest go first, drained. */
import type { ScaleWish, SupervisorReport, WorkerRange } from '@batchyard/shared/contract/scaling';

import type { Child } from './child.ts';

type Parts = {
  readonly id: string;
  readonly host: string;
  readonly range: WorkerRange;
  /** `lost`: it could not be started and is given up. @returns whether others are left, so that everything goes on */
  readonly startWorker: (lost: () => boolean) => Child;
  /** Tells of itself. @returns what is wished of it */
  readonly report: (report: SupervisorReport) => Promise<ScaleWish | undefined>;
  /** Of a change: in words, and from how many to how many. */
  readonly changed: (sentence: string, from: number, to: number) => void;
};

export type WorkerPool = {
  /** Those that are kept. */
  readonly kept: () => readonly Child[];
  /** Those, and the ones that still drain. */
  readonly all: () => readonly Child[];
  /** Keeps so many from now on. */
  keep(count: number): void;
  /** Once a second: without Redis, or without a wish, everything stays as it is. */
  turn(): Promise<void>;
  /** Nothing is started any more. */
  close(): void;
};

/** Beyond what a worker itself takes to drain (20 s) and to end. */
const RETIRE_LIMIT_MS = 25_000;

export function createWorkerPool({ id, host, range, startWorker, report, changed }: Parts): WorkerPool {
  const kept: Child[] = [];
  const leaving = new Set<Child>();
  let closed = false;

  function keep(count: number): void {
    if (closed) return;
    while (kept.length < count) {
      const child: Child = startWorker(() => {
        if (kept.length < 2) return false;
        kept.splice(kept.indexOf(child), 1);
        return true;
      });
      kept.push(child);
    }
    for (const child of kept.splice(count)) {
      leaving.add(child);
      void child.retire(RETIRE_LIMIT_MS).then(() => leaving.delete(child));
    }
  }
  return {
    kept: () => kept,
    all: () => [...kept, ...leaving],
    keep,
    async turn() {
      const wish = await report({ id, host, range, workers: kept.length }).catch(() => undefined);
      if (!wish || closed) return;
      const from = kept.length;
      const to = Math.max(range.min, Math.min(range.max, wish.count));
      if (to === from) return;
      keep(to);
      changed(`${to > from ? 'starting' : 'draining'} workers on ${host}: ${from} → ${to} (${wish.reason})`, from, to);
    },
    close() {
      closed = true;
    },
  };
}
