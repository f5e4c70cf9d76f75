/** The table of rules: what each watches, when it acts, and the one bounded change that it makes. Pure. */
import type { Batching, BatchingChange } from '@batchyard/shared/contract/batching';
import type { Sample } from '@batchyard/shared/contract/sample';
import type { ScaleWish, SupervisorReport } from '@batchyard/shared/contract/scaling';
import type { CacheLimits, TuningAction, TuningRule } from '@batchyard/shared/contract/tuning';

import { latencyOf } from '../monitor/figures.ts';
import { quantile } from '../monitor/histogram.ts';
import { isMeasured, measure } from './measure.ts';

export type QueueFacts = {
  readonly queue: string;
  readonly configured: Batching;
  readonly change: BatchingChange | undefined;
};
/** `evicted`, `expired`: entries that went within the window, for want of room and for their age. */
export type CacheFacts = {
  readonly limits: CacheLimits;
  readonly configured: CacheLimits;
  readonly evicted: number;
  readonly expired: number;
};
export type TuningFacts = {
  readonly queues: readonly QueueFacts[];
  /** Undefined: it is off. */
  readonly cache: CacheFacts | undefined;
  readonly supervisors: readonly { readonly report: SupervisorReport; readonly wish: ScaleWish | undefined }[];
};

export type Proposal = { readonly action: TuningAction; readonly reason: string; readonly queue?: string };

export type Rule = {
  readonly name: TuningRule;
  readonly metric: string;
  readonly lowerIsBetter: boolean;
  readonly threshold: number;
  readonly cooldownMs: number;
  readonly value: (sample: Sample, queue: string | undefined) => number | undefined;
  /** @param threshold undefined: a person has asked, so that it acts whatever the value is, if there is something to do */
  readonly propose: (
    window: readonly Sample[],
    facts: TuningFacts,
    threshold: number | undefined,
  ) => Proposal | undefined;
};

const CACHE_GROWTH = 1.2;
const CACHE_MOST = 4;
const TTL_GROWTH = 1.5;
const TTL_MOST_S = 7_200;
/** Beyond it the cache does not grow. */
const MEMORY_TO_SPARE = 0.8;
const CAP_DOWN = 0.8;
const CAP_UP = 1.2;
const WAIT_DOWN = 0.7;
const WAIT_LEAST_MS = 10;
/** Of the threshold: below it a cap that was lowered is raised again. */
const FAST = 0.5;

const rounded = (value: number): number => Math.round(value * 100) / 100;
const sum = (values: readonly number[]): number => values.reduce((so, one) => so + one, 0);

const memoryOf = (sample: Sample): number => sample.memory.budget_share;
function hitRateOf(sample: Sample): number | undefined {
  const models = Object.values(sample.models);
  const [hits, misses] = [sum(models.map((one) => one.hits)), sum(models.map((one) => one.misses))];
  return hits + misses > 0 ? hits / (hits + misses) : undefined;
}
function latencyP95(sample: Sample, queue: string | undefined): number | undefined {
  const model = sample.models[queue ?? ''];
  return model && quantile(latencyOf([model]), 0.95);
}
const depthOf = (sample: Sample, queue: string | undefined): number | undefined => sample.models[queue ?? '']?.depth;

/** The mean of a window, where it is measured. */
function meanOf(window: readonly Sample[], value: (sample: Sample) => number | undefined): number | undefined {
  const found = measure(window, value);
  return isMeasured(found) ? found.mean : undefined;
}
/** Queues with their mean, the highest first. */
function ranked(
  window: readonly Sample[],
  { queues }: TuningFacts,
  value: (sample: Sample, queue: string) => number | undefined,
): { readonly own: QueueFacts; readonly mean: number }[] {
  return queues
    .flatMap((own) => {
      const mean = meanOf(window, (sample) => value(sample, own.queue));
      return mean === undefined ? [] : [{ own, mean }];
    })
    .toSorted((a, b) => b.mean - a.mean);
}
function change(own: QueueFacts, to: BatchingChange, reason: string): Proposal {
  const from = own.change ?? {};
  return { action: { kind: 'batching', queue: own.queue, from, to: { ...from, ...to } }, reason, queue: own.queue };
}

function growCache(window: readonly Sample[], facts: TuningFacts, threshold: number | undefined): Proposal | undefined {
  const hitRate = meanOf(window, hitRateOf);
  const { cache } = facts;
  if (hitRate === undefined || !cache || (threshold !== undefined && hitRate >= threshold)) return undefined;
  const { limits, configured, evicted, expired } = cache;
  const said = `hit rate ${rounded(hitRate)}, ${evicted} entries went for want of room and ${expired} for their age`;
  const act = (to: CacheLimits): Proposal => ({ action: { kind: 'cache', from: limits, to }, reason: said });
  // What never comes again is not found in a larger cache either.
  if (evicted + expired === 0) return undefined;
  if (expired > evicted) {
    const ttl_s = Math.min(TTL_MOST_S, limits.ttl_s * TTL_GROWTH);
    return ttl_s > limits.ttl_s ? act({ ...limits, ttl_s }) : undefined;
  }
  const bytes = Math.min(CACHE_MOST * configured.bytes, Math.round(limits.bytes * CACHE_GROWTH));
  const spare = (window.at(-1)?.memory.budget_share ?? 1) < MEMORY_TO_SPARE;
  return spare && bytes > limits.bytes ? act({ ...limits, bytes }) : undefined;
}

function capBatches(
  window: readonly Sample[],
  facts: TuningFacts,
  threshold: number | undefined,
): Proposal | undefined {
  const all = ranked(window, facts, latencyP95);
  for (const { own, mean } of all) {
    const most = own.configured.max_rows;
    const cap = Math.min(most, own.change?.max_rows ?? most);
    const to = Math.max(1, Math.floor(cap * CAP_DOWN));
    if (threshold !== undefined && mean <= threshold) break;
    const said = `p95 ${Math.round(mean)} ms: batches of ${to} rows at most instead of ${cap}`;
    if (to < cap) return change(own, { max_rows: to }, said);
  }
  for (const { own, mean } of all.toReversed()) {
    const most = own.configured.max_rows;
    const cap = Math.min(most, own.change?.max_rows ?? most);
    if (threshold === undefined || mean >= threshold * FAST || cap >= most) continue;
    const to = Math.min(most, Math.ceil(cap * CAP_UP));
    return change(own, { max_rows: to }, `p95 ${Math.round(mean)} ms: up to ${to} rows a batch instead of ${cap}`);
  }
  return undefined;
}

function relieve(window: readonly Sample[], facts: TuningFacts, threshold: number | undefined): Proposal | undefined {
  const worst = ranked(window, facts, depthOf)[0];
  if (!worst || (threshold !== undefined && worst.mean <= threshold)) return undefined;
  const { own, mean } = worst;
  const wait = own.change?.max_wait_ms ?? own.configured.max_wait_ms;
  const said = `${Math.round(mean)} jobs wait`;
  if (wait > WAIT_LEAST_MS) {
    const to = Math.max(WAIT_LEAST_MS, rounded(wait * WAIT_DOWN));
    return change(own, { max_wait_ms: to }, `${said}: batches wait ${to} ms at most instead of ${wait}`);
  }
  const room = facts.supervisors
    .filter(({ report: { range, workers }, wish }) => range.auto && wish?.by !== 'hand' && workers < range.max)
    .toSorted((a, b) => a.report.workers - b.report.workers)[0]?.report;
  if (!room) return undefined;
  const action = { kind: 'worker', supervisor: room.id, from: room.workers, to: room.workers + 1 } as const;
  return { action, reason: `${said}: a worker more on ${room.host}`, queue: own.queue };
}

function cleanUp(window: readonly Sample[], _facts: TuningFacts, threshold: number | undefined): Proposal | undefined {
  const mean = meanOf(window, memoryOf);
  if (mean === undefined || (threshold !== undefined && mean <= threshold)) return undefined;
  return { action: { kind: 'clean_up' }, reason: `a process holds ${Math.round(mean * 100)} % of its budget` };
}

export const RULES: readonly Rule[] = [
  {
    name: 'high_memory_cleanup',
    metric: 'memory_budget_share',
    lowerIsBetter: true,
    // 450 MB of a process that may have 512.
    threshold: 450 / 512,
    cooldownMs: 60_000,
    value: memoryOf,
    propose: cleanUp,
  },
  {
    name: 'queue_management',
    metric: 'queue_depth',
    lowerIsBetter: true,
    threshold: 50,
    cooldownMs: 30_000,
    value: depthOf,
    propose: relieve,
  },
  {
    name: 'batch_size_optimization',
    metric: 'latency_p95_ms',
    lowerIsBetter: true,
    threshold: 100,
    cooldownMs: 120_000,
    value: latencyP95,
    propose: capBatches,
  },
  {
    name: 'cache_optimization',
    metric: 'hit_rate',
    lowerIsBetter: false,
    threshold: 0.6,
    cooldownMs: 180_000,
    value: hitRateOf,
    propose: growCache,
  },
];
