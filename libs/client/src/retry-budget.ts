/**
 * How many retries a client allows itself. Every call earns a part of a retry, and every retry costs a whole one, so that
 * a cluster in trouble gets at most `1 + ratio` times the load, however many calls fail. The reserve lets a client that
 * has just started retry at all.
 */
export type RetryBudget = {
  earn(): void;
  /** False when nothing is left. */
  spend(): boolean;
};

export function createRetryBudget(ratio: number, reserve: number): RetryBudget {
  let tokens = reserve;
  return {
    earn() {
      tokens = Math.min(reserve, tokens + ratio);
    },
    spend() {
      // Tenths do not add up to exactly one.
      if (tokens < 1 - 1e-9) return false;
      tokens = Math.max(0, tokens - 1);
      return true;
    },
  };
}
