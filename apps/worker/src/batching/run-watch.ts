/**
 * Whether a run hangs. A run may take the given limit, or twenty times the p99 of its size where that is more. Time passes
 * for it by ticks, and no tick counts for more than a second: a process that was stopped, or a machine that slept, has not
 * run anything meanwhile.
 */
export type RunWatch = {
  /** @param run names it, because several sessions of a queue may run at once */
  begin(queue: string, p99Ms: number, nowMs: number, run: object): void;
  end(run: object): void;
  /** @returns a run that has been under way for too long, once */
  tick(nowMs: number): HungRun | undefined;
};
export type HungRun = { readonly queue: string; readonly limitMs: number };

const TIMES_P99 = 20;
const MOST_PER_TICK_MS = 1_000;

export const runLimitMs = (leastMs: number, p99Ms: number): number => Math.max(leastMs, TIMES_P99 * p99Ms);

/** @param leastMs no run is called hung before */
export function createRunWatch(leastMs: number): RunWatch {
  const runs = new Map<object, { readonly queue: string; readonly limitMs: number; seenMs: number; ageMs: number }>();
  return {
    begin(queue, p99Ms, nowMs, run) {
      runs.set(run, { queue, limitMs: runLimitMs(leastMs, p99Ms), seenMs: nowMs, ageMs: 0 });
    },
    end(run) {
      runs.delete(run);
    },
    tick(nowMs) {
      for (const [run, { queue, limitMs, ...age }] of runs) {
        const ageMs = age.ageMs + Math.min(MOST_PER_TICK_MS, nowMs - age.seenMs);
        runs.set(run, { queue, limitMs, seenMs: nowMs, ageMs });
        if (ageMs <= limitMs) continue;
        runs.delete(run);
        return { queue, limitMs };
      }
      return undefined;
    },
  };
}
