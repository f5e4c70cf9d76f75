/** Inputs that are asked for by Zipf's law: the k-th of them k^exponent times as rarely as the first. The same for the same seed. */
import { createRandom } from './random.ts';

export type Zipf = {
  readonly exponent: number;
  /** Distinct ones. */
  readonly inputs: number;
  readonly seed: number;
};

/** How often each is asked for, as shares of all. */
export function zipfShares({ exponent, inputs }: Zipf): Float64Array {
  const weights = Float64Array.from({ length: inputs }, (_, i) => (i + 1) ** -exponent);
  const sum = weights.reduce((so, one) => so + one, 0);
  return weights.map((weight) => weight / sum);
}

/** @returns a function that gives the next one, from 0 (the most frequent) to `inputs` − 1 */
export function createZipf(zipf: Zipf): () => number {
  const random = createRandom(zipf.seed);
  let sum = 0;
  const upTo = zipfShares(zipf).map((share) => (sum += share));
  return () => {
    const at = random() * sum;
    // The first whose sum lies above it.
    let [low, high] = [0, upTo.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** How many distinct ones so many requests ask for on average: so often nothing can have been kept. */
export const expectedDistinct = (zipf: Zipf, requests: number): number =>
  zipfShares(zipf).reduce((so, share) => so + 1 - (1 - share) ** requests, 0);
