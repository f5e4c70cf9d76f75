/**
 * How throughput follows the number of workers: X(n) = λn / (1 + σ(n − 1) + κn(n − 1)), the Universal Scalability Law
 * (Gunther 1993); σ is what only one can do at a time, κ what they cost one another. Least squares on n / X(n), which is
 * linear in 1/λ, σ/λ and κ/λ, each point by its relative error.
 */
export type Point = { readonly workers: number; readonly answered_per_s: number };
export type Fit = {
  readonly per_worker: number;
  readonly contention: number;
  readonly crosstalk: number;
  readonly r_squared: number;
  readonly best_workers: number | null;
};

/** Solves a small symmetric system by Gauss' elimination; undefined where it has no single solution. */
function solve(matrix: number[][], right: number[]): number[] | undefined {
  const size = right.length;
  const rows = matrix.map((row, i) => [...row, right[i] ?? 0]);
  for (let column = 0; column < size; column += 1) {
    const pivot = rows.slice(column).reduce((a, b) => (Math.abs(b[column] ?? 0) > Math.abs(a[column] ?? 0) ? b : a));
    const at = rows.indexOf(pivot);
    [rows[column], rows[at]] = [pivot, rows[column] ?? pivot];
    const lead = pivot[column] ?? 0;
    if (Math.abs(lead) < 1e-12) return undefined;
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = (row[column] ?? 0) / lead;
      for (let i = column; i <= size; i += 1) row[i] = (row[i] ?? 0) - factor * (pivot[i] ?? 0);
    }
  }
  return rows.map((row, i) => (row[size] ?? 0) / (row[i] ?? 1));
}

const TERMS = [() => 1, (n: number) => n - 1, (n: number) => n * (n - 1)] as const;

/** Coefficients of these terms, none of them below 0. */
function coefficients(points: readonly Point[], terms: readonly (0 | 1 | 2)[]): (number | undefined)[] | undefined {
  const matrix = terms.map((a) =>
    terms.map((b) =>
      points.reduce((sum, { workers: n, answered_per_s: rate }) => {
        const weight = (rate / n) ** 2;
        return sum + weight * TERMS[a](n) * TERMS[b](n);
      }, 0),
    ),
  );
  const right = terms.map((a) =>
    points.reduce((sum, { workers: n, answered_per_s: rate }) => sum + (rate / n) * TERMS[a](n), 0),
  );
  const found = solve(matrix, right);
  if (!found || found.some((one) => one < 0)) return undefined;
  const all: (number | undefined)[] = [undefined, undefined, undefined];
  terms.forEach((term, i) => (all[term] = found[i]));
  return all;
}

/** Undefined of fewer than two different numbers of workers. */
export function fitScaling(points: readonly Point[]): Fit | undefined {
  const usable = points.filter(({ answered_per_s: rate }) => rate > 0);
  const different = new Set(usable.map(({ workers }) => workers)).size;
  if (different < 2) return undefined;
  const candidates: (readonly (0 | 1 | 2)[])[] = [...(different > 2 ? [[0, 1, 2] as const] : []), [0, 1], [0, 2], [0]];
  const all = candidates.flatMap((terms) => {
    const found = coefficients(usable, terms);
    return found ? [describe(usable, found)] : [];
  });
  // More terms never fit worse where they are allowed; of those that are, the best.
  return all.length === 0 ? undefined : all.reduce((a, b) => (b.r_squared > a.r_squared ? b : a));
}

export const predicted = ({ per_worker: rate, contention, crosstalk }: Fit, n: number): number =>
  (rate * n) / (1 + contention * (n - 1) + crosstalk * n * (n - 1));

function describe(points: readonly Point[], [first = 1, second = 0, third = 0]: (number | undefined)[]): Fit {
  const [contention, crosstalk] = [second / first, third / first];
  const best = crosstalk > 0 && contention < 1 ? Math.sqrt((1 - contention) / crosstalk) : null;
  const fit: Fit = { per_worker: 1 / first, contention, crosstalk, r_squared: 1, best_workers: best };
  const mean = points.reduce((sum, { answered_per_s: rate }) => sum + rate, 0) / points.length;
  const [off, spread] = points.reduce(
    ([a, b], { workers, answered_per_s: rate }) => [a + (rate - predicted(fit, workers)) ** 2, b + (rate - mean) ** 2],
    [0, 0],
  );
  return { ...fit, r_squared: spread === 0 ? 1 : 1 - off / spread };
}
