/**
 * Whether a run hangs. A run may take the given limit, or twenty times the p99 of its size where that is more. Time passes
 * for it by ticks, and no tick counts for more than a second: a process that was stopped, or a machine that slept, has not
 * run anything meanwhile.
 */
export type RunWatch = {
  begin(queue: string, p99Ms: number, nowMs: number): void;
  end(queue: string): void;
  /** @returns the run that has been under way for too long */
  tick(nowMs: number): HungRun | undefined;
};
export type HungRun = { readonly queue: string; readonly limitMs: number };

const TIMES_P99 = 20;
const MOST_PER_TICK_MS = 1_000;

export const runLimitMs = (leastMs: number, p99Ms: number): number => Math.max(leastMs, TIMES_P99 * p99Ms);

/** @param leastMs no run is called hung before */
export function createRunWatch(leastMs: number): RunWatch {
  // A session runs one batch at a time, so its queue names the run.
  const runs = new Map<string, { readonly limitMs: number; seenMs: number; ageMs: number }>();
  return {
    begin(queue, p99Ms, nowMs) {
      runs.set(queue, { limitMs: runLimitMs(leastMs, p99Ms), seenMs: nowMs, ageMs: 0 });
    },
    end(queue) {
      runs.delete(queue);
    },
    tick(nowMs) {
      for (const [queue, run] of runs) {
        run.ageMs += Math.min(MOST_PER_TICK_MS, nowMs - run.seenMs);
        run.seenMs = nowMs;
        if (run.ageMs > run.limitMs) return { queue, limitMs: run.limitMs };
      }
      return undefined;
    },
  };
}
