import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ModelSample, Sample } from '@batchyard/shared/contract/sample';

import { alertSentence } from './describe-alert.ts';
import { createRecorder, encodeHistogram } from './histogram.ts';
import { RULES } from './thresholds.ts';

const ruleOf = (metric: string) => {
  const rule = RULES.find((one) => one.metric === metric);
  assert.ok(rule, metric);
  return rule;
};
const sample = (model: Partial<ModelSample>, extra: Partial<Sample> = {}): Sample =>
  ({
    models: {
      'm@1': { requests: 0, errors: 0, hits: 0, misses: 0, latency: {}, ended: 0, failed: 0, depth: 0, ...model },
    },
    memory: { budget_share: 0 },
    cpu_share: 0,
    ...extra,
  }) as Sample;
const times = (n: number, one: Sample): Sample[] => Array.from({ length: n }, () => one);
function latency(...values: number[]): ModelSample['latency'] {
  const recorder = createRecorder();
  values.forEach(recorder.record);
  return { high: encodeHistogram(recorder.take()) };
}

test('the latency is that of the last five seconds, and of too few requests there is none', () => {
  const { value } = ruleOf('latency_p95');
  const [slow, fast] = [sample({ latency: latency(900, 900, 900) }), sample({ latency: latency(10, 10, 10) })];
  assert.equal(value(times(3, slow)), undefined);
  assert.ok(Math.abs((value(times(5, slow)) ?? 0) - 900) < 18);
  assert.ok(Math.abs((value([...times(60, slow), ...times(5, fast)]) ?? 0) - 10) < 0.2);
});

test('answers and jobs fail for themselves', () => {
  const { value } = ruleOf('error_rate');
  assert.equal(value(times(5, sample({ requests: 1, errors: 1 }))), undefined);
  assert.equal(value(times(10, sample({ requests: 10, errors: 1 }))), 0.1);
  assert.equal(value(times(10, sample({ requests: 10, errors: 1, ended: 10, failed: 5 }))), 0.5);
});

test('a cache that is not used, or hardly, has no hit rate', () => {
  const { value } = ruleOf('cache_hit_rate');
  assert.equal(value(times(60, sample({}))), undefined);
  assert.equal(value(times(60, sample({ misses: 1 }))), undefined);
  const poor = times(60, sample({ hits: 5, misses: 15 }));
  assert.equal(value(poor), 0.25);
  assert.equal(value([...poor, ...times(2, sample({}))]), undefined);
});

test('memory follows the budget, depth is of all queues, CPU a mean', () => {
  assert.deepEqual(ruleOf('memory').thresholds, { warning: 0.78125, critical: 0.9375 });
  assert.equal(
    ruleOf('memory').value([sample({}, { memory: { rss_bytes: 1, processes: 1, budget_share: 0.8 } })]),
    0.8,
  );
  assert.equal(ruleOf('queue_depth').value([sample({ depth: 900 }), sample({ depth: 3 })]), 3);
  assert.equal(ruleOf('cpu').value([sample({}, { cpu_share: 1 }), sample({}, { cpu_share: 0.5 })]), 0.75);
  assert.equal(ruleOf('cpu').value([]), undefined);
});

test('an alert in words', () => {
  assert.equal(
    alertSentence('queue_depth', { severity: 'critical', value: 620 }),
    'the number of waiting jobs is 620, above 500: critical',
  );
  assert.equal(
    alertSentence('cache_hit_rate', { severity: 'warning', value: 0.651 }),
    'the hit rate of the cache is 65.1 %, below 70 %: warning',
  );
});
