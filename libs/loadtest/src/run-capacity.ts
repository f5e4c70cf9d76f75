/**
 * The story of capacity planning: have the workers run each size of batch for a while and read what they have measured, measure
 * the way to them and back at a rate at which nothing waits, let the requests that are expected come to a cluster on paper, and
 * on demand to the real one.
 */
import { createLatencyModel } from '@batchyard/shared/batching/latency-model';

import {
  MOST_PLANNED,
  planWorkers,
  predict,
  withoutRun,
  type Demand,
  type Prediction,
  type Wanted,
} from './capacity/plan-workers.ts';
import { meanRun, usualTail, type Cluster, type Spread } from './capacity/simulate.ts';
import type { StepResult } from './judge/load-report.ts';
import type { LoadPlan, Step } from './plan/load-plan.ts';
import { closedStep, steadyStep } from './plan/make-steps.ts';
import { createRandom } from './plan/random.ts';
import { createReplay, createSchedule } from './plan/schedule.ts';
import { runLoadTest, type LoadTest } from './run-load-test.ts';
import type { System } from './system/ask-system.ts';
import { measuredTable, type Measured } from './system/worker-table.ts';

export type CapacityAsk = {
  readonly plan: LoadPlan;
  /** What is expected to come. */
  readonly step: Exclude<Step, { mode: 'closed' }>;
  readonly rows: number;
  /** Numbers of workers to look at; undefined: as many as are needed for `wanted`, or those that serve. */
  readonly workers: readonly number[] | undefined;
  readonly wanted: Wanted | undefined;
  /** Undefined: it is measured. */
  readonly overhead: Spread | undefined;
  /** The same requests are sent to the real cluster as well. */
  readonly check: boolean;
};
export type Checked = {
  readonly predicted: Prediction;
  readonly answered_per_s: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  /** (predicted − measured) ÷ measured, of the p99. */
  readonly off: number | null;
};
export type CapacityReport = {
  readonly model: string;
  readonly measured: Measured;
  readonly overhead: Spread;
  /** Of each run, beside it. */
  readonly gap_ms: number;
  readonly predictions: readonly Prediction[];
  readonly wanted: Wanted | null;
  readonly checked: Checked | null;
};

type Parts = { readonly system: System; readonly signal: AbortSignal };

/** Of each size: as many runs as the table remembers, of a model that takes 20 ms. */
const PUSH = { seconds: 1.5, warmupS: 0 };
/** Long against the way of a request through the longest line. */
const FULL = { seconds: 3, warmupS: 1 };
const MOST_CLIENTS = 256;
const IDLE = { most: 20, shareOfCapacity: 0.1, seconds: 6, warmupS: 1 };

const testOf = (plan: LoadPlan, step: Step): LoadTest => ({
  plan,
  steps: [step],
  arrivals: 'poisson',
  lengths: { warmupS: 0, seconds: 1 },
  thresholds: [],
  slo: [],
  refine: 0,
});

const runOf = ({ table }: Measured, rows: number): Spread => {
  const model = createLatencyModel(table);
  return { p50_ms: model.p50(rows), p99_ms: model.p99(rows) };
};

/**
 * So many clients for each size of the table that batches of it come up, as a warm-up has run each but a few times; then twice
 * as many as fill a batch, so that something always waits.
 * @returns that last step
 */
async function pushSizes(
  { plan, rows }: CapacityAsk,
  measured: Measured,
  parts: Parts,
): Promise<StepResult | undefined> {
  const places = measured.workers * measured.sessions;
  const clients = measured.table
    .filter((point) => point.rows <= measured.batching.max_rows)
    .map((point) => Math.min(MOST_CLIENTS, places * Math.ceil(point.rows / rows)));
  const most = Math.min(MOST_CLIENTS, 2 * Math.max(places, ...clients));
  const steps = [...[...new Set(clients)].map((count) => closedStep(count, PUSH)), closedStep(most, FULL)];
  const [first] = steps;
  if (!first) return undefined;
  const { steps: done } = await runLoadTest({ ...testOf(plan, first), steps }, { ...parts, watch: {} });
  return done.at(-1);
}

/**
 * What of a session's time is not its runs while something always waits, told for each run: taking, stacking, splitting, and
 * the cores that it does not get.
 */
function gapOf(pushed: StepResult | undefined, { workers, sessions, table }: Measured, rows: number): number {
  const perRun = pushed?.server?.rows_per_run ?? null;
  if (!pushed || perRun === null || pushed.answered_per_s === 0) return 0;
  const cycleMs = (1000 * workers * sessions * perRun) / (pushed.answered_per_s * rows);
  const runMs = meanRun(createLatencyModel(table).p50(perRun), usualTail(table));
  return Math.min(Math.max(0, cycleMs - runMs), runMs);
}

/** What a request takes where nothing waits: network, gateway, queue, its run, and the answer's way back. */
async function measureIdle({ plan, rows }: CapacityAsk, measured: Measured, parts: Parts): Promise<Spread> {
  const rate = Math.max(1, Math.min(IDLE.most, (IDLE.shareOfCapacity * 1000) / runOf(measured, rows).p50_ms));
  const step = steadyStep(rate, 'poisson', IDLE);
  const { steps } = await runLoadTest(testOf(plan, step), { ...parts, watch: {} });
  const { p50_ms: p50, p99_ms: p99 } = steps[0]?.latency ?? { p50_ms: null, p99_ms: null };
  if (p50 === null || p99 === null)
    throw new Error('no single request was answered: the way to the workers is not known');
  return { p50_ms: p50, p99_ms: p99 };
}

/** The times of the step without its warm-up's being left out: the queue must be as full as it would be. */
function demandOf({ plan, step, rows }: CapacityAsk): Demand {
  return {
    rows,
    timeoutMs: plan.timeoutMs,
    seed: plan.seed,
    arrivals: () =>
      step.mode === 'trace'
        ? createReplay(step.timesMs, step.speed)
        : createSchedule(step.stretches, step.arrivals, createRandom(plan.seed)),
  };
}

function predictionsOf(ask: CapacityAsk, cluster: Omit<Cluster, 'workers'>, serving: number): Prediction[] {
  const demand = demandOf(ask);
  if (ask.workers) return ask.workers.map((workers) => predict({ ...cluster, workers }, demand));
  return ask.wanted
    ? planWorkers(cluster, demand, ask.wanted)
    : [predict({ ...cluster, workers: Math.min(MOST_PLANNED, serving) }, demand)];
}

async function checkAgainst(ask: CapacityAsk, predicted: Prediction, parts: Parts): Promise<Checked> {
  const { steps } = await runLoadTest(testOf(ask.plan, ask.step), { ...parts, watch: {} });
  const [step] = steps;
  const { p50_ms: p50 = null, p99_ms: p99 = null } = step?.latency ?? {};
  const off = p99 === null || predicted.p99_ms === null ? null : (predicted.p99_ms - p99) / p99;
  return { predicted, answered_per_s: step?.answered_per_s ?? 0, p50_ms: p50, p99_ms: p99, off };
}

/** @throws Error without workers, or when they tell no table */
export async function planCapacity(ask: CapacityAsk, parts: Parts): Promise<CapacityReport> {
  const [kind] = ask.plan.kinds;
  if (!kind) throw new Error('capacity is that of a model: name one');
  const before = await measuredTable(parts.system, kind.model, kind.version);
  const pushed = ask.overhead ? undefined : await pushSizes(ask, before, parts);
  const loaded = pushed && (await measuredTable(parts.system, kind.model, kind.version));
  const idle = ask.overhead ?? (await measureIdle(ask, before, parts));
  // By now the runs of those requests are in the table: the same machine at the same time.
  const measured = await measuredTable(parts.system, kind.model, kind.version);
  const overhead = ask.overhead ?? withoutRun(idle, runOf(measured, ask.rows));
  const { sessions, batching, table, workers } = measured;
  const gapMs = loaded ? gapOf(pushed, loaded, ask.rows) : 0;
  const cluster = { sessions, batching, table, overhead, gapMs };
  const predictions = predictionsOf(ask, cluster, workers);
  const checked = ask.check ? await checkAgainst(ask, predict({ ...cluster, workers }, demandOf(ask)), parts) : null;
  return { model: kind.model, measured, overhead, gap_ms: gapMs, predictions, wanted: ask.wanted ?? null, checked };
}
