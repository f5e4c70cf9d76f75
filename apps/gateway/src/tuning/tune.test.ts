import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { BatchingChange } from '@batchyard/shared/contract/batching';
import type { Sample } from '@batchyard/shared/contract/sample';
import type { TuningAction, TuningState } from '@batchyard/shared/contract/tuning';

import { createRecorder, encodeHistogram } from '../monitor/histogram.ts';
import { planOf, tuningSettingsSchema } from './plan.ts';
import { effectivenessOf, NO_TUNING, proposalOf, stepTuning, type TuningPlan } from './tune.ts';
import type { TuningFacts } from './rules.ts';

const QUEUE = 'm@1';
const PLAN = planOf(true, tuningSettingsSchema.parse({ window_s: 5, settle_s: 2 }));
const FACTS: TuningFacts = {
  queues: [
    {
      queue: QUEUE,
      configured: { strategy: 'adaptive', max_rows: 16, max_wait_ms: 0, preferred_rows: [] },
      change: undefined,
    },
  ],
  cache: undefined,
  supervisors: [],
};
type Values = { depth?: number; latencyMs?: number; share?: number; hits?: number; misses?: number };

function sampleOf(second: number, { depth = 0, latencyMs, share = 0.1, hits = 0, misses = 0 }: Values): Sample {
  const recorder = createRecorder();
  for (let i = 0; i < 20 && latencyMs !== undefined; i += 1) recorder.record(latencyMs);
  const latency = latencyMs === undefined ? {} : { normal: encodeHistogram(recorder.take()) };
  return {
    at_ms: second * 1_000,
    covers_ms: 1_000,
    upto: '0-0',
    gateways: 1,
    concurrency: 0,
    models: {
      [QUEUE]: {
        requests: 20,
        errors: 0,
        hits,
        misses,
        latency,
        rows_per_s: 20,
        batches_per_s: 5,
        depth,
        oldest_ms: 0,
        active: 0,
        workers: 1,
        fill: 0.5,
        efficiency: 1,
        ended: 20,
        failed: 0,
      },
    },
    sla: {},
    processes: [],
    memory: { rss_bytes: 0, processes: 1, budget_share: share },
    cpu_share: 0,
    redis: { used_bytes: 0, memory_share: 0, ops_per_s: 0, cpu_cores: 0 },
    alerts: {},
  };
}

function changed(facts: TuningFacts, action: TuningAction): TuningFacts {
  const { queues, cache } = facts;
  if (action.kind === 'batching') return { ...facts, queues: queues.map((own) => ({ ...own, change: action.to })) };
  if (action.kind === 'cache' && cache) return { ...facts, cache: { ...cache, limits: action.to } };
  if (action.kind === 'worker') {
    const wish = { count: action.to, by: 'autoscaler', reason: '' } as const;
    const supervisors = facts.supervisors.map(({ report }) => ({ report: { ...report, workers: action.to }, wish }));
    return { ...facts, supervisors };
  }
  return facts;
}

/** `meanwhile`: what somebody else makes of the settings in a second. */
type Given = {
  readonly plan?: TuningPlan;
  readonly facts?: TuningFacts;
  readonly meanwhile?: (facts: TuningFacts, second: number) => TuningFacts;
};

/** A second after the other, with what `values` says of each; `facts` follow what is applied. */
function run(seconds: number, values: (second: number, applied: readonly TuningAction[]) => Values, given: Given = {}) {
  const { plan = PLAN, facts = FACTS, meanwhile = (one) => one }: Given = given;
  let state: TuningState = NO_TUNING;
  let now = facts;
  const applied: TuningAction[] = [];
  const at: number[] = [];
  const samples: Sample[] = [];
  for (let second = 1; second <= seconds; second += 1) {
    samples.push(sampleOf(second, values(second, applied)));
    now = meanwhile(now, second);
    const step = stepTuning(state, { samples, facts: now }, [], plan);
    state = step.state;
    const { apply } = step;
    if (!apply) continue;
    applied.push(apply);
    at.push(second);
    now = changed(now, apply);
  }
  return { state, applied, at, outcomes: state.runs.map(({ rule, outcome }) => `${rule} ${outcome}`) };
}
const capsOf = (applied: readonly TuningAction[]) =>
  applied.map((action) => action.kind === 'batching' && action.to.max_rows);

test('a cap that helps is kept and measured', () => {
  const found = run(11, (_second, applied) => ({ latencyMs: applied.length > 0 ? 40 : 200 }));
  assert.deepEqual(capsOf(found.applied), [12]);
  assert.deepEqual(found.outcomes, ['batch_size_optimization kept']);
  const { kept, median_change: change } = effectivenessOf(found.state.runs).batch_size_optimization;
  assert.ok(kept === 1 && change !== null && change < -0.75 && change > -0.85, String(change));
});

test('a cap that makes it worse is taken back, and its rule waits twice as long', () => {
  const found = run(400, (_second, applied) => ({ latencyMs: applied.length % 2 === 1 ? 300 : 200 }));
  assert.deepEqual(capsOf(found.applied).slice(0, 4), [12, undefined, 12, undefined]);
  assert.equal(found.outcomes[0], 'batch_size_optimization rolled_back');
  const begun = found.at.filter((_second, i) => i % 2 === 0);
  assert.equal((begun[1] ?? 0) - (begun[0] ?? 0), 240);
});

test('what cannot be measured is taken back too', () => {
  const found = run(12, (_second, applied) => (applied.length > 0 ? {} : { latencyMs: 200 }));
  assert.deepEqual(found.outcomes, ['batch_size_optimization unmeasured']);
  assert.deepEqual(capsOf(found.applied), [12, undefined]);
});

test('a lowered cap is raised again while it is fast, never above what is configured', () => {
  const facts = { ...FACTS, queues: FACTS.queues.map((own) => ({ ...own, change: { max_rows: 14 } })) };
  const found = run(600, () => ({ latencyMs: 10 }), { facts });
  assert.deepEqual(capsOf(found.applied), [16]);
});

test('what somebody else has changed meanwhile is left as it is, and the history says so', () => {
  const configured = { bytes: 1_000, ttl_s: 100 };
  const cached = { ...FACTS, cache: { limits: configured, configured, evicted: 50, expired: 0 } };
  const worse = (_second: number, applied: readonly TuningAction[]): Values =>
    applied.length > 0 ? { hits: 1, misses: 99 } : { hits: 10, misses: 90 };
  for (const limits of [{ bytes: 5_000, ttl_s: 100 }, configured]) {
    const byHand = (facts: TuningFacts, second: number): TuningFacts =>
      second === 6 && facts.cache ? { ...facts, cache: { ...facts.cache, limits } } : facts;
    const found = run(12, worse, { facts: cached, meanwhile: byHand });
    assert.deepEqual(found.applied, [{ kind: 'cache', from: configured, to: { bytes: 1_200, ttl_s: 100 } }]);
    assert.deepEqual(found.outcomes, ['cache_optimization overruled']);
    assert.equal(effectivenessOf(found.state.runs).cache_optimization.overruled, 1);
  }
  // Nobody interferes: it is taken back.
  assert.deepEqual(run(12, worse, { facts: cached }).outcomes, ['cache_optimization rolled_back']);
  const set = (change: BatchingChange) => (facts: TuningFacts, second: number) =>
    second === 6 ? { ...facts, queues: facts.queues.map((own) => ({ ...own, change })) } : facts;
  const slower = (_second: number, applied: readonly TuningAction[]): Values => ({
    latencyMs: applied.length > 0 ? 300 : 200,
  });
  const found = run(12, slower, { meanwhile: set({ max_rows: 9 }) });
  assert.deepEqual([found.outcomes, capsOf(found.applied)], [['batch_size_optimization overruled'], [12]]);
  // The order in which settings are told says nothing.
  const own = { ...FACTS, queues: FACTS.queues.map((one) => ({ ...one, change: { target_ms: 50, max_wait_ms: 5 } })) };
  const reordered = run(12, slower, { facts: own, meanwhile: set({ max_rows: 12, max_wait_ms: 5, target_ms: 50 }) });
  assert.deepEqual(reordered.outcomes, ['batch_size_optimization rolled_back']);
});

test('a worker more goes again unless somebody else has asked for another number', () => {
  const report = { id: 's', host: 'h', workers: 1, range: { min: 1, max: 4, auto: true } };
  const facts = { ...FACTS, supervisors: [{ report, wish: undefined }] };
  const deeper = (_second: number, applied: readonly TuningAction[]): Values => ({
    depth: applied.length > 0 ? 200 : 80,
  });
  const back = run(12, deeper, { facts });
  assert.deepEqual(
    back.applied.map((action) => action.kind === 'worker' && action.to),
    [2, 1],
  );
  for (const by of ['hand', 'autoscaler'] as const) {
    const meanwhile = (now: TuningFacts, second: number): TuningFacts =>
      second < 6
        ? now
        : {
            ...now,
            supervisors: now.supervisors.map((one) => ({ ...one, wish: { count: 3, by, reason: '' } })),
          };
    assert.deepEqual(run(12, deeper, { facts, meanwhile }).outcomes, ['queue_management overruled']);
  }
});

test('noise is no reason to take anything back', () => {
  const noisy = (second: number): Values => ({ depth: 100 + 30 * Math.sin(second * 7) });
  const facts = {
    ...FACTS,
    queues: FACTS.queues.map((own) => ({ ...own, configured: { ...own.configured, max_wait_ms: 100 } })),
  };
  const found = run(12, noisy, { facts });
  assert.deepEqual(found.outcomes, ['queue_management kept']);
  assert.deepEqual(found.applied[0], { kind: 'batching', queue: QUEUE, from: {}, to: { max_wait_ms: 70 } });
});

test('where no batch waits a worker is asked for, within the range, and not against a person', () => {
  const report = { id: 's', host: 'h', workers: 1, range: { min: 1, max: 2, auto: true } };
  const deep = (): Values => ({ depth: 80 });
  const facts = { ...FACTS, supervisors: [{ report, wish: undefined }] };
  assert.deepEqual(run(6, deep, { facts }).applied, [{ kind: 'worker', supervisor: 's', from: 1, to: 2 }]);
  const wish = { count: 1, by: 'hand', reason: '' } as const;
  assert.deepEqual(run(60, deep, { facts: { ...FACTS, supervisors: [{ report, wish }] } }).applied, []);
  const full = { ...report, workers: 2 };
  assert.deepEqual(
    run(60, deep, { facts: { ...FACTS, supervisors: [{ report: full, wish: undefined }] } }).applied,
    [],
  );
});

test('memory past the threshold is cleaned up once in its cool-down', () => {
  const found = run(70, () => ({ share: 0.95 }));
  assert.deepEqual(found.at, [3, 63]);
  assert.deepEqual(found.applied[0], { kind: 'clean_up' });
  assert.equal(found.outcomes[0], 'high_memory_cleanup kept');
  assert.deepEqual(run(70, () => ({ share: 0.8 })).applied, []);
});

test('the cache grows where room is short, lives longer where age is the reason, and neither without a reason', () => {
  const limits = { bytes: 1_000, ttl_s: 100 };
  const cache = (evicted: number, expired: number) => ({
    facts: { ...FACTS, cache: { limits, configured: limits, evicted, expired } },
  });
  const poor = (): Values => ({ hits: 10, misses: 90 });
  assert.deepEqual(run(4, poor, cache(50, 0)).applied, [
    { kind: 'cache', from: limits, to: { bytes: 1_200, ttl_s: 100 } },
  ]);
  assert.deepEqual(run(4, poor, cache(0, 50)).applied, [
    { kind: 'cache', from: limits, to: { bytes: 1_000, ttl_s: 150 } },
  ]);
  assert.deepEqual(run(60, poor, cache(0, 0)).applied, []);
  assert.deepEqual(run(60, () => ({ hits: 90, misses: 10 }), cache(50, 0)).applied, []);
  assert.deepEqual(run(4, () => ({ ...poor(), share: 0.85 }), cache(50, 0)).applied, []);
  const long = run(6_000, poor, cache(50, 0)).applied.map((action) => action.kind === 'cache' && action.to.bytes);
  assert.equal(long.at(-1), 4_000);
});

test('off it acts when a person asks, one change at a time, and a dry run changes nothing', () => {
  const plan = { ...PLAN, auto: false };
  const samples = Array.from({ length: 6 }, (_, i) => sampleOf(i + 1, { latencyMs: 50, depth: 80 }));
  const view = { samples, facts: FACTS };
  assert.deepEqual(stepTuning(NO_TUNING, view, [], plan), { state: NO_TUNING });
  const rule = plan.rules.find(({ name }) => name === 'batch_size_optimization');
  assert.ok(rule);
  assert.equal(proposalOf(rule, view, plan, false), undefined);
  assert.equal(proposalOf(rule, view, plan, true)?.action.kind, 'batching');
  const step = stepTuning(NO_TUNING, view, ['batch_size_optimization'], plan);
  assert.equal(step.run?.by, 'hand');
  assert.equal(stepTuning(step.state, view, ['high_memory_cleanup'], plan).apply, undefined);
});
