/** Chance that comes out the same for the same seed: a request is a function of the seed and its index, whatever else runs. */
export type Random = {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number;
  chance(share: number): boolean;
  pick<T>(values: readonly T[]): T;
  bytes(length: number): Buffer;
};

/** Mulberry32, started from both numbers mixed. */
export function createRandom(seed: number, index: number): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const int = (below: number): number => Math.floor((next() / 2 ** 32) * below);
  return {
    int,
    chance: (share) => next() / 2 ** 32 < share,
    pick: <T>(values: readonly T[]) => values.at(int(values.length)) as T,
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  };
}
