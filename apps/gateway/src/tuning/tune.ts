/**
 * One step of the tuning, once a second with the newest sample. Pure: what time it is comes from the sample.
 *
 * Invariants: one change is measured at a time, so that an effect has one cause; a change whose metric got worse beyond noise,
 * or could not be measured, is taken back; a setting that is no longer what the rule made it is left as it is; a rule that was
 * rolled back waits twice as long for its next turn, each time.
 */
import type { Sample } from '@batchyard/shared/contract/sample';
import {
  RUNS_KEPT,
  TUNING_RULES,
  type TuningAction,
  type TuningRule,
  type TuningRun,
  type TuningState,
} from '@batchyard/shared/contract/tuning';

import { isMeasured, isWorse, measure } from './measure.ts';
import type { Proposal, Rule, TuningFacts } from './rules.ts';

export type TuningPlan = {
  readonly rules: readonly Rule[];
  /** Of a measurement, before and after. */
  readonly windowMs: number;
  /** Between a change and its measurement. */
  readonly settleMs: number;
  /** The rules act by themselves; otherwise when a person asks. */
  readonly auto: boolean;
};
export type TuningView = { readonly samples: readonly Sample[]; readonly facts: TuningFacts };
export type TuningStep = {
  readonly state: TuningState;
  /** Undefined: nothing changes. */
  readonly apply?: TuningAction;
  /** What began or ended. */
  readonly run?: TuningRun;
};

const LONGEST_BACKOFF = 6;
const SAME = 1e-9;

export const NO_TUNING: TuningState = { runs: [], rules: {} };

/** What takes an action back; undefined where nothing does. */
export function inverse(action: TuningAction): TuningAction | undefined {
  switch (action.kind) {
    case 'clean_up':
      return undefined;
    case 'cache':
      return { ...action, from: action.to, to: action.from };
    case 'batching':
      return { ...action, from: action.to, to: action.from };
    case 'worker':
      return { ...action, from: action.to, to: action.from };
  }
}

/** Whatever the order of their keys. */
function same(a: object, b: object): boolean {
  const text = (settings: object): string =>
    JSON.stringify(Object.entries(settings).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  return text(a) === text(b);
}

/** Whether what is set is what an action made of it: nobody else has changed it since. */
export function stands(action: TuningAction, { queues, cache, supervisors }: TuningFacts): boolean {
  switch (action.kind) {
    case 'clean_up':
      return true;
    case 'cache':
      return cache !== undefined && same(cache.limits, action.to);
    case 'batching': {
      const own = queues.find(({ queue }) => queue === action.queue);
      return own !== undefined && same(own.change ?? {}, action.to);
    }
    case 'worker': {
      const own = supervisors.find(({ report }) => report.id === action.supervisor);
      // A wish is forgotten after a while.
      return own !== undefined && own.wish?.by !== 'hand' && (own.wish?.count ?? own.report.workers) === action.to;
    }
  }
}

/** What a rule would do now. @param asked by a person, whatever the values are */
export function proposalOf(
  rule: Rule,
  { samples, facts }: TuningView,
  plan: TuningPlan,
  asked: boolean,
): Proposal | undefined {
  const nowMs = samples.at(-1)?.at_ms ?? 0;
  const window = samples.filter(({ at_ms }) => at_ms > nowMs - plan.windowMs);
  return rule.propose(window, facts, asked ? undefined : rule.threshold);
}

function begin(
  state: TuningState,
  view: TuningView,
  [rule, by]: readonly [Rule, TuningRun['by']],
  plan: TuningPlan,
): TuningStep | undefined {
  const nowMs = view.samples.at(-1)?.at_ms ?? 0;
  const proposal = proposalOf(rule, view, plan, by === 'hand');
  if (!proposal) return undefined;
  const { action, reason, queue } = proposal;
  const window = view.samples.filter(({ at_ms }) => at_ms > nowMs - plan.windowMs);
  const run: TuningRun = {
    id: `${rule.name}-${nowMs}`,
    rule: rule.name,
    by,
    at_ms: nowMs,
    action,
    reason,
    metric: rule.metric,
    ...(queue === undefined ? {} : { queue }),
    before: measure(window, (sample) => rule.value(sample, queue)),
    outcome: 'measuring',
  };
  const worse = state.rules[rule.name]?.worse ?? 0;
  const rules = { ...state.rules, [rule.name]: { again_ms: nowMs + rule.cooldownMs * 2 ** worse, worse } };
  return { state: { runs: [...state.runs, run].slice(-RUNS_KEPT), rules }, apply: action, run };
}

function end(state: TuningState, run: TuningRun, view: TuningView, plan: TuningPlan): TuningStep {
  const rule = plan.rules.find(({ name }) => name === run.rule);
  const fromMs = run.at_ms + plan.settleMs;
  const window = view.samples.filter(({ at_ms }) => at_ms > fromMs && at_ms <= fromMs + plan.windowMs);
  const after = measure(window, (sample) => rule?.value(sample, run.queue));
  const measured = isMeasured(run.before) && isMeasured(after);
  const overruled = !stands(run.action, view.facts);
  // Of what somebody else has set nothing is said.
  const worse = !overruled && measured && isWorse(run.before, after, rule?.lowerIsBetter ?? true);
  const outcome = overruled ? 'overruled' : worse ? 'rolled_back' : measured ? 'kept' : 'unmeasured';
  const ended: TuningRun = { ...run, after, outcome };
  const before = state.rules[run.rule]?.worse ?? 0;
  const times = worse ? Math.min(LONGEST_BACKOFF, before + 1) : outcome === 'kept' ? 0 : before;
  const again_ms = run.at_ms + (rule?.cooldownMs ?? 0) * 2 ** times;
  const back = outcome === 'kept' || overruled ? undefined : inverse(run.action);
  return {
    state: {
      runs: state.runs.map((one) => (one.id === run.id ? ended : one)),
      rules: { ...state.rules, [run.rule]: { again_ms, worse: times } },
    },
    ...(back ? { apply: back } : {}),
    run: ended,
  };
}

/** The same where a change could not be made, because somebody else was faster. */
export function overrule(state: TuningState, run: TuningRun): { readonly state: TuningState; readonly run: TuningRun } {
  const ended: TuningRun = { ...run, outcome: 'overruled' };
  return { state: { ...state, runs: state.runs.map((one) => (one.id === run.id ? ended : one)) }, run: ended };
}

/** @param asked rules that a person wants to run, the first of them now */
export function stepTuning(
  state: TuningState,
  view: TuningView,
  asked: readonly TuningRule[],
  plan: TuningPlan,
): TuningStep {
  const nowMs = view.samples.at(-1)?.at_ms;
  if (nowMs === undefined) return { state };
  const open = state.runs.find(({ outcome }) => outcome === 'measuring');
  if (open && nowMs < open.at_ms + plan.settleMs + plan.windowMs) return { state };
  if (open) return end(state, open, view, plan);
  const byHand = plan.rules.filter(({ name }) => asked.includes(name));
  const due = plan.auto ? plan.rules.filter(({ name }) => nowMs >= (state.rules[name]?.again_ms ?? 0)) : [];
  const turns = [...byHand.map((rule) => [rule, 'hand'] as const), ...due.map((rule) => [rule, 'rule'] as const)];
  for (const turn of turns) {
    const step = begin(state, view, turn, plan);
    if (step) return step;
  }
  return { state };
}

export type Effectiveness = {
  readonly runs: number;
  readonly kept: number;
  readonly rolled_back: number;
  readonly unmeasured: number;
  readonly overruled: number;
  /** Median of (after − before) / before over what was measured; null where nothing was. */
  readonly median_change: number | null;
};

export function effectivenessOf(runs: readonly TuningRun[]): Record<TuningRule, Effectiveness> {
  const of = (rule: TuningRule): Effectiveness => {
    const own = runs.filter((run) => run.rule === rule);
    const count = (outcome: TuningRun['outcome']): number => own.filter((run) => run.outcome === outcome).length;
    const changes = own
      .flatMap(({ outcome, before, after }) =>
        after && (outcome === 'kept' || outcome === 'rolled_back') && Math.abs(before.mean) > SAME
          ? [(after.mean - before.mean) / before.mean]
          : [],
      )
      .toSorted((a, b) => a - b);
    const middle = changes.length / 2;
    const median = ((changes[Math.ceil(middle) - 1] ?? 0) + (changes[Math.floor(middle)] ?? 0)) / 2;
    return {
      runs: own.length,
      kept: count('kept'),
      rolled_back: count('rolled_back'),
      unmeasured: count('unmeasured'),
      overruled: count('overruled'),
      median_change: changes.length === 0 ? null : median,
    };
  };
  return Object.fromEntries(TUNING_RULES.map((rule) => [rule, of(rule)])) as Record<TuningRule, Effectiveness>;
}
