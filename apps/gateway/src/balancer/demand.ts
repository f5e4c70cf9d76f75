/** How much of each model is asked for, told from what the workers have run. Pure. */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

export type Demand = {
  /** Once a second or so. */
  look(heartbeats: readonly Heartbeat[], nowMs: number): void;
  /** Rows per ms of a queue, lately; 0 where nothing is known. */
  rowsPerMs(queue: string): number;
};

/** Beats and looks come once a second each and not in step, so that one look may see none of a worker or two. */
const SMOOTHING = 0.5;

export function createDemand(): Demand {
  let counted: ReadonlyMap<string, number> = new Map();
  let lookedMs = Number.NaN;
  let rates: ReadonlyMap<string, number> = new Map();
  return {
    look(heartbeats, nowMs) {
      const now = new Map<string, number>();
      const ran = new Map<string, number>();
      for (const { token, models } of heartbeats) {
        for (const { queue, rows = 0 } of models) {
          const key = `${token} ${queue}`;
          // Of an incarnation that is new here nobody knows when it ran its rows.
          ran.set(queue, (ran.get(queue) ?? 0) + Math.max(0, rows - (counted.get(key) ?? rows)));
          now.set(key, rows);
        }
      }
      const elapsed = nowMs - lookedMs;
      const smoothed = ([queue, rows]: [string, number]): [string, number] => {
        const before = rates.get(queue) ?? 0;
        return [queue, before + SMOOTHING * (rows / elapsed - before)];
      };
      if (elapsed > 0) rates = new Map([...ran].map(smoothed));
      counted = now;
      lookedMs = nowMs;
    },
    rowsPerMs: (queue) => rates.get(queue) ?? 0,
  };
}
