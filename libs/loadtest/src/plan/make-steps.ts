/** The steps of the usual tests. */
import type { Step } from './load-plan.ts';
import type { Arrivals } from './schedule.ts';

/** Of a step: the part before that is not counted, and the part that is. */
export type Lengths = { readonly warmupS: number; readonly seconds: number };

const rateText = (rate: number): string => `${Number(rate.toPrecision(4))}/s`;

export function steadyStep(rate: number, arrivals: Arrivals, { warmupS, seconds }: Lengths, name?: string): Step {
  const stretches = [{ from: rate, to: rate, seconds: warmupS + seconds }];
  return { name: name ?? rateText(rate), mode: 'open', arrivals, warmupS, stretches };
}

/** The rate goes from one to the other in a straight line, after a warm-up at the first. */
export function rampStep(from: number, to: number, arrivals: Arrivals, { warmupS, seconds }: Lengths): Step {
  const warmup = warmupS > 0 ? [{ from, to: from, seconds: warmupS }] : [];
  const name = `${rateText(from)} to ${rateText(to)}`;
  return { name, mode: 'open', arrivals, warmupS, stretches: [...warmup, { from, to, seconds }] };
}

export const closedStep = (clients: number, { warmupS, seconds }: Lengths): Step => ({
  name: `${clients} ${clients === 1 ? 'client' : 'clients'}`,
  mode: 'closed',
  warmupS,
  clients,
  seconds: warmupS + seconds,
});

/** Of what the system answered when it was pushed; the last one is more than it can take. */
export const BEYOND = 1.1;
const SHARES = [0.25, 0.5, 0.75, 0.9, BEYOND];

/** A sweep around the capacity that was found, each step named by its share of it. */
export const stepsAround = (capacity: number, arrivals: Arrivals, lengths: Lengths): Step[] =>
  SHARES.map((share) => {
    const rate = Math.max(1, Number((share * capacity).toPrecision(3)));
    return steadyStep(rate, arrivals, lengths, `${Math.round(100 * share)} % of capacity`);
  });
