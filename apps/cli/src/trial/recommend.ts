/** From measured run times to the settings that a model should have on a machine. */
export type Point = { readonly rows: number; readonly p50_ms: number; readonly p99_ms: number };
export type Table = { readonly threads: number; readonly points: readonly Point[] };
export type Choice = {
  readonly threads: number;
  readonly rows: number;
  /** Of the whole machine, with as many workers as there is room for. */
  readonly rows_per_s: number;
  readonly p99_ms: number;
  readonly workers: number;
};

/** Less than this is within what two measurements of the same thing differ by. */
const WORTH = 1.05;

/**
 * The batch size and threads with the best rate of the machine, whose runs take no longer than `targetMs`. Of choices that
 * are within a twentieth of the best it is the one with the fewest rows, then the fewest threads: it answers sooner.
 * @returns undefined when no run is that fast
 */
export function recommend(
  tables: readonly Table[],
  cores: number,
  targetMs = Number.POSITIVE_INFINITY,
): Choice | undefined {
  const choices = tables.flatMap(({ threads, points }) => {
    const workers = Math.max(1, Math.floor(cores / threads));
    return points
      .filter(({ p50_ms: ms, p99_ms: late }) => ms > 0 && late <= targetMs)
      .map(({ rows, p50_ms, p99_ms }) => ({
        threads,
        rows,
        workers,
        p99_ms,
        rows_per_s: ((rows * 1000) / p50_ms) * workers,
      }));
  });
  const best = Math.max(0, ...choices.map((choice) => choice.rows_per_s));
  const good = choices.filter((choice) => choice.rows_per_s * WORTH >= best);
  return good.toSorted((a, b) => a.rows - b.rows || a.threads - b.threads)[0];
}
