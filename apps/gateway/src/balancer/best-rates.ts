/**
 * The best rate that any worker of a queue has shown lately, rows per ms. Workers that share cores slow each other down:
 * judged by what they reach together they would seem to need still more of them. So the best counts, and is forgotten
 * slowly, by half in about a minute of turns. Pure.
 */
export type BestRates = {
  /** Once a turn. @param rowsPerMs of the fastest now @returns the best lately */
  look(queue: string, rowsPerMs: number): number;
};

const KEEP = 0.99;

export function createBestRates(): BestRates {
  const best = new Map<string, number>();
  return {
    look(queue, rowsPerMs) {
      const now = Math.max(rowsPerMs, KEEP * (best.get(queue) ?? 0));
      best.set(queue, now);
      return now;
    },
  };
}
