/**
 * Whether a run hangs. A run may take the given limit, or twenty times the p99 of its size where that is more. Time passes
 * for it by ticks, and no tick counts for more than a second: a process that was stopped, or a machine that slept, has not
 * run anything meanwhile.
 */
export type RunWatch = {
  /** @param session names the run, because a session runs one batch at a time */
  begin(queue: string, p99Ms: number, nowMs: number, session?: string): void;
  end(queue: string, session?: string): void;
  /** @returns a run that has been under way for too long, once */
  tick(nowMs: number): HungRun | undefined;
};
export type HungRun = { readonly queue: string; readonly limitMs: number };

const TIMES_P99 = 20;
const MOST_PER_TICK_MS = 1_000;

export const runLimitMs = (leastMs: number, p99Ms: number): number => Math.max(leastMs, TIMES_P99 * p99Ms);

/** @param leastMs no run is called hung before */
export function createRunWatch(leastMs: number): RunWatch {
  const runs = new Map<string, { readonly queue: string; readonly limitMs: number; seenMs: number; ageMs: number }>();
  const keyOf = (queue: string, session = ''): string => `${queue} ${session}`;
  return {
    begin(queue, p99Ms, nowMs, session) {
      const limitMs = runLimitMs(leastMs, p99Ms);
      runs.set(keyOf(queue, session), { queue, limitMs, seenMs: nowMs, ageMs: 0 });
    },
    end(queue, session) {
      runs.delete(keyOf(queue, session));
    },
    tick(nowMs) {
      for (const [key, run] of runs) {
        run.ageMs += Math.min(MOST_PER_TICK_MS, nowMs - run.seenMs);
        run.seenMs = nowMs;
        if (run.ageMs <= run.limitMs) continue;
        runs.delete(key);
        return { queue: run.queue, limitMs: run.limitMs };
      }
      return undefined;
    },
  };
}
