import assert from 'node:assert/strict';
import { test } from 'node:test';

import { healthOf } from './health-sentence.ts';
import type { ModelFigures, Sample } from './types.ts';

const model = (own: Partial<ModelFigures> = {}): ModelFigures => ({
  requests_per_s: 10,
  rows_per_s: 10,
  latency: { all: null },
  error_rate: null,
  hit_rate: null,
  queue: { depth: 0, oldest_ms: 0, active: 0 },
  batch: { rows: null, fill: null },
  workers: 1,
  ...own,
});
const sample = (models: Record<string, ModelFigures>, own: Partial<Sample> = {}): Sample => ({
  at_ms: 1_000,
  gateways: 1,
  requests_per_s: 120,
  rows_per_s: 120,
  latency: { all: { p50_ms: 2, p95_ms: 5, p99_ms: 9 } },
  error_rate: 0,
  hit_rate: null,
  concurrency: 1,
  queue: { depth: 0, oldest_ms: 0, active: 0 },
  batch: { rows: null, fill: null },
  cpu_share: 0,
  memory: { rss_bytes: 1 },
  redis: { memory_share: 0 },
  models,
  alerts: [],
  ...own,
});

test('says what is worst, in words and with what to do', () => {
  const late = model({ queue: { depth: 40, oldest_ms: 41_000, active: 1 } });
  const told = healthOf(sample({ 'a@1': late, 'b@1': late }), 1_500);
  assert.equal(told.level, 'critical');
  assert.equal(told.sentence, '2 queues behind: 80 jobs wait, the oldest for 41 s; add workers.');
  assert.match(healthOf(sample({ 'a@1': model({ workers: 0 }) }), 1_500).sentence, /No worker serves any model/);
  const some = healthOf(sample({ 'a@1': model({ workers: 0 }), 'b@1': model() }), 1_500);
  assert.deepEqual([some.level, some.sentence], ['warning', 'No worker serves a@1; start one.']);
  const full = healthOf(sample({ 'a@1': model() }, { redis: { memory_share: 0.8 } }), 1_500);
  assert.match(full.sentence, /Redis is 80 % full/);
  const alerts = [{ metric: 'queue_depth', severity: 'warning' as const, value: 1, id: 'x' }];
  assert.equal(
    healthOf(sample({ 'a@1': model() }, { alerts }), 1_500).sentence,
    '1 alert raised: queue depth is warning.',
  );
});

test('is good when nothing is wrong, and does not pretend to know', () => {
  const good = healthOf(sample({ 'a@1': model() }), 1_500);
  assert.deepEqual([good.level, good.sentence], ['good', 'All is well: 120 requests a second, p99 9.0 ms.']);
  assert.equal(healthOf(undefined, 1_500).level, 'unknown');
  assert.match(healthOf(sample({ 'a@1': model() }), 20_000).sentence, /No sample for 19 s/);
});
