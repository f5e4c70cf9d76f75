/** Which kind a request is and which input it carries: by chance, the same for the same seed. */

/** `number` of the input, for RequestBytes.stamped. */
export type Pick = { readonly kind: number; readonly number: number };

/** Inputs that repeated requests are taken from: few, so that a cache sees each soon again. */
const REPEATED = 16;

type Mix = { readonly weights: readonly number[]; readonly repeats: number; readonly stampFrom: number };

/** @returns the pick of the nth request; `kind` where a trace says it */
export function createPicks(
  { weights, repeats, stampFrom }: Mix,
  random: () => number,
): (nth: number, kind?: number) => Pick {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  function byChance(): number {
    let left = random() * total;
    for (const [kind, weight] of weights.entries()) {
      left -= weight;
      if (left < 0) return kind;
    }
    return 0;
  }
  return (nth, kind) => ({
    kind: kind ?? (weights.length > 1 ? byChance() : 0),
    number:
      repeats > 0 && random() < repeats ? stampFrom + Math.floor(random() * REPEATED) : stampFrom + REPEATED + nth,
  });
}
