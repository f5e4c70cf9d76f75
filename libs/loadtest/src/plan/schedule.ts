/**
 * When requests are due, whatever becomes of the ones before: the list of an open loop. Constant gaps, or a Poisson process
 * (also of a rate that changes: unit steps in the integral of the rate, mapped back to time), or the times of a trace.
 *
 * Invariant: times never fall, and none lies outside of its stretches.
 */

/** The rate goes in a straight line from `from` to `to`, a second, both above 0 unless they are the same. */
export type Stretch = { readonly from: number; readonly to: number; readonly seconds: number };
export const ARRIVALS = ['constant', 'poisson'] as const;
export type Arrivals = (typeof ARRIVALS)[number];

/** ms since the start; undefined once all have been given. */
export type NextTime = () => number | undefined;

const meanRate = ({ from, to }: Stretch): number => (from + to) / 2;

/** Seconds into the stretch at which so many have come: the root of from·t + (to − from)·t²/2T = count. */
function timeOf({ from, to, seconds }: Stretch, count: number): number {
  if (count <= 0) return 0;
  const root = Math.sqrt(Math.max(0, from * from + (2 * count * (to - from)) / seconds));
  return Math.min(seconds, (2 * count) / (from + root));
}

/** Expected requests of all stretches. */
export const expectedCount = (stretches: readonly Stretch[]): number =>
  stretches.reduce((sum, stretch) => sum + meanRate(stretch) * stretch.seconds, 0);

export const durationMs = (stretches: readonly Stretch[]): number =>
  1000 * stretches.reduce((sum, { seconds }) => sum + seconds, 0);

/** @param random even in [0, 1); not asked for constant gaps */
export function createSchedule(stretches: readonly Stretch[], arrivals: Arrivals, random: () => number): NextTime {
  const gap = (): number => (arrivals === 'constant' ? 1 : -Math.log(1 - random()));
  let [index, startS, before] = [0, 0, 0];
  let count = arrivals === 'constant' ? 0 : gap();
  return () => {
    for (let stretch = stretches[index]; stretch; stretch = stretches[(index += 1)]) {
      const holds = meanRate(stretch) * stretch.seconds;
      // Sums of many gaps are a little off: what is due at the very end belongs to the next stretch.
      if (count - before < holds - 1e-9) {
        const atMs = 1000 * (startS + timeOf(stretch, count - before));
        count += gap();
        return atMs;
      }
      before += holds;
      startS += stretch.seconds;
    }
    return undefined;
  };
}

/** The times of a trace, in order, played `speed` times as fast. */
export function createReplay(timesMs: readonly number[], speed: number): NextTime {
  let next = 0;
  return () => {
    const atMs = timesMs[next];
    next += 1;
    return atMs === undefined ? undefined : atMs / speed;
  };
}
