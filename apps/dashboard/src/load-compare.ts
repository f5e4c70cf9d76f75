/** Load tests side by side: what a run says in a line, and how it differs from the last one that asked the same. Pure. */
import { count } from './format.ts';
import type { LoadRun, LoadStep } from './types.ts';

export type Line = {
  readonly what: string;
  readonly answered: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
  /** 0 … 1. */
  readonly errors: number | null;
};
export type Change = { readonly text: string; readonly level: 'better' | 'worse' | 'same' };

/** Less than this is the noise of any machine. */
const SAME = 0.05;
/** Of a search for the capacity, the step that tells how it feels below it. */
const HALF = '50 % of capacity';

export function whatWasAsked({ model, priority, rate, clients, seconds }: LoadRun['asked']): string {
  const how = rate !== null ? `${count(rate)}/s` : clients !== null ? `${clients} clients` : 'capacity';
  return `${model}${priority === 'normal' ? '' : `, ${priority}`}: ${how}, ${seconds} s`;
}

/** Of a search: the rate of the clients that wait, the times at half of it. */
export function lineOf({ asked, steps }: LoadRun): Line {
  const first: LoadStep | undefined = steps[0];
  const felt = steps.find(({ name }) => name === HALF) ?? first;
  const [sent, failed] = steps.reduce(([all, bad], step) => [all + step.sent, bad + step.failed], [0, 0]);
  return {
    what: whatWasAsked(asked),
    answered: first?.answered_per_s ?? null,
    p50: felt?.p50_ms ?? null,
    p99: felt?.p99_ms ?? null,
    errors: sent === 0 ? null : failed / sent,
  };
}

/** @param runs the newest first */
export function earlierLike(runs: readonly LoadRun[], index: number): LoadRun | undefined {
  const run = runs[index];
  return (
    run &&
    runs.slice(index + 1).find((one) => one.state === 'done' && whatWasAsked(one.asked) === whatWasAsked(run.asked))
  );
}

export function changeOf(
  now: number | null,
  before: number | null | undefined,
  lowerIsBetter: boolean,
): Change | undefined {
  if (now === null || before === null || before === undefined || before === 0) return undefined;
  const change = (now - before) / before;
  const text = `${change >= 0 ? '+' : '−'}${Math.abs(100 * change).toFixed(0)} %`;
  if (Math.abs(change) < SAME) return { text, level: 'same' };
  return { text, level: change < 0 === lowerIsBetter ? 'better' : 'worse' };
}
