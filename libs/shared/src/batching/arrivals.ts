/** How fast rows come to this worker, by what its takes find: an exponential mean, so that a pause is soon forgotten. */
export type Arrivals = {
  /** A take brought `rows` and left `waiting` behind. */
  took(rows: number, waiting: number, nowMs: number): void;
  rowsPerMs(nowMs: number): number;
};

const MEAN_MS = 200;

export function createArrivals(): Arrivals {
  let [rate, atMs, left] = [0, 0, 0];
  const decayed = (nowMs: number): number => rate * Math.exp(-(nowMs - atMs) / MEAN_MS);
  return {
    took(rows, waiting, nowMs) {
      const came = Math.max(0, rows + waiting - left);
      rate = decayed(nowMs) + came / MEAN_MS;
      [atMs, left] = [nowMs, waiting];
    },
    rowsPerMs: decayed,
  };
}
