/**
 * How well the busy time of a session was used: rows ÷ busy time ÷ the best rate of the latency table (1 = every busy
 * moment ran at the best size), and beside it the mean fill, rows ÷ largest batch. Over the last runs.
 */
export type Efficiency = {
  ran(rows: number, runMs: number): void;
  /** Both 0 before the first run. */
  figures(bestRowsPerMs: number): { readonly efficiency: number; readonly fill: number };
};

const RUNS = 1_024;

export function createEfficiency(maxRows: number): Efficiency {
  const runs: { rows: number; runMs: number }[] = [];
  let next = 0;
  let [rowsSum, msSum] = [0, 0];
  return {
    ran(rows, runMs) {
      const old = runs[next];
      rowsSum += rows - (old?.rows ?? 0);
      msSum += runMs - (old?.runMs ?? 0);
      runs[next] = { rows, runMs };
      next = (next + 1) % RUNS;
    },
    figures(bestRowsPerMs) {
      if (runs.length === 0 || msSum <= 0 || bestRowsPerMs <= 0) return { efficiency: 0, fill: 0 };
      return { efficiency: rowsSum / msSum / bestRowsPerMs, fill: rowsSum / runs.length / maxRows };
    },
  };
}
