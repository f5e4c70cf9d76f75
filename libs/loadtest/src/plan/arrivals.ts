/** When requests of several classes come: each class a Poisson process of its own, merged; the same for the same seed. */

/** `atMs` from the start; `index` of its class. */
export type Arrival = { readonly atMs: number; readonly index: number };

/**
 * Poisson processes of several rates are one of their sum, each of whose arrivals belongs to a class with its share.
 *
 * @param rates of each class, a second
 * @param random even in [0, 1)
 * @returns a function that gives the next arrival
 */
export function createArrivals(rates: readonly number[], random: () => number): () => Arrival {
  const total = rates.reduce((sum, rate) => sum + rate, 0);
  let atMs = 0;
  return () => {
    atMs += (-1000 * Math.log(1 - random())) / total;
    let left = random() * total;
    let index = 0;
    while (index < rates.length - 1 && left >= (rates[index] ?? 0)) {
      left -= rates[index] ?? 0;
      index += 1;
    }
    return { atMs, index };
  };
}
