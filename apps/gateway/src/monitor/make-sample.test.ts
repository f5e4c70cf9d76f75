import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { sampleSchema, secondSchema, type ProcessLine, type Second } from '@batchyard/shared/contract/sample';

import { createSummary, figuresOf } from './figures.ts';
import { makeSample, type QueueLook, type SampleParts } from './make-sample.ts';
import { createTally } from './tally.ts';
import { createWorkerRates } from './worker-rates.ts';

const MB = 1_048_576;
const line = (name: string, extra: Partial<ProcessLine> = {}): ProcessLine => ({
  name,
  kind: 'gateway',
  host: 'h',
  cores: 4,
  cpu_cores: 0.5,
  rss_bytes: 100 * MB,
  budget_bytes: 512 * MB,
  ...extra,
});

/** A second in which a gateway has answered requests for m@1 in these ms, and failed as many times. */
function second(gateway: string, answersMs: readonly number[], failures = 0): Second {
  const tally = createTally();
  for (const ms of answersMs) tally.answered({ queue: 'm@1', priority: 'normal', status: 200, ms });
  for (let i = 0; i < failures; i += 1) tally.answered({ queue: 'm@1', priority: 'normal', status: 503, ms: 1 });
  return secondSchema.parse({ gateway, process: line(gateway), concurrency: 2, models: tally.take(new Map()) });
}
const NO_SLA = { met: 0, at_risk: 0, violated: 0 };
const look = (extra: Partial<QueueLook> = {}): QueueLook => ({
  depth: 0,
  active: 0,
  oldestMs: 0,
  ended: 0,
  failed: 0,
  sla: { critical: NO_SLA, high: NO_SLA, normal: NO_SLA, low: NO_SLA },
  ...extra,
});
const parts = (extra: Partial<SampleParts> = {}): SampleParts => ({
  nowMs: 10_000,
  beforeMs: 8_000,
  upto: '10000-0',
  seconds: [],
  beats: [],
  rates: () => ({ rows: 0, batches: 0 }),
  queues: new Map(),
  queuesBefore: new Map(),
  redis: { usedBytes: 0, memoryShare: 0, opsPerS: 0, cpuS: 0 },
  redisBefore: undefined,
  ...extra,
});
const shown = (extra: Partial<SampleParts>) =>
  figuresOf(sampleSchema.parse({ ...makeSample(parts(extra)), alerts: {} }));

const beat = (token: string, rows: number, batches: number, extra: Partial<Heartbeat> = {}): Heartbeat =>
  ({
    id: token,
    token,
    host: 'h',
    state: 'serving',
    models: [{ queue: 'm@1', rows, batches, fill: 0.5, efficiency: 0.8 }],
    rss_bytes: 300 * MB,
    cpu_cores: 1,
    host_cores: 4,
    memory: { budget_bytes: 400 * MB },
    ...extra,
  }) as Heartbeat;

test('what gateways counted is summed, and rates are of the time that the sample covers', () => {
  const figures = shown({ seconds: [second('a', [10, 10, 10], 1), second('b', [30]), second('a', [10])] });
  assert.equal(figures.gateways, 2);
  assert.equal(figures.concurrency, 4);
  assert.equal(figures.requests_per_s, 3);
  assert.equal(figures.error_rate, Math.round((1 / 6) * 1_000) / 1_000);
  const { p50_ms = 0, p99_ms = 0 } = figures.latency['normal'] ?? {};
  assert.ok(Math.abs(p50_ms - 10) < 0.2 && Math.abs(p99_ms - 10) < 0.2);
  assert.equal(figures.latency['critical'], undefined);
  assert.deepEqual(figures.latency['all'], figures.models['m@1']?.latency['all']);
});

test('queues are told by how their counters have grown, and a first look has nothing to compare with', () => {
  const sla = { ...look().sla, high: { met: 90, at_risk: 5, violated: 5 } };
  const queues = new Map([['m@1', look({ depth: 7, oldestMs: 12.4, ended: 110, failed: 10, sla })]]);
  const before = new Map([['m@1', look({ ended: 10, failed: 5 })]]);
  const figures = shown({ queues, queuesBefore: before });
  assert.deepEqual(figures.queue, { depth: 7, oldest_ms: 12, active: 0 });
  assert.equal(figures.error_rate, 0.05);
  assert.deepEqual(figures.sla, { high: 0.95 });
  assert.deepEqual(shown({ queues }).sla, {});
  assert.equal(shown({ queues }).error_rate, null);
});

test('memory is the sum and the worst share of a budget, CPU that of the busiest host', () => {
  const beats = [
    { heartbeat: beat('w', 0, 0), silentMs: 0 },
    { heartbeat: beat('x', 0, 0, { host: 'other', cpu_cores: 3, host_cores: 4 }), silentMs: 0 },
    { heartbeat: beat('silent', 0, 0), silentMs: 9_000 },
  ];
  const figures = shown({ seconds: [second('a', [])], beats });
  assert.deepEqual(figures.memory, { rss_bytes: 700 * MB, processes: 3, budget_share: 0.75 });
  assert.equal(figures.cpu_share, 0.75);
  assert.deepEqual(
    figures.processes.map(({ name }) => name),
    ['w', 'x', 'a'],
  );
});

test('rows a second come from the times of the beats, however looks fall between them', () => {
  const rates = createWorkerRates();
  const see = (rows: number, beatMs: number, nowMs: number): void =>
    rates.look([{ heartbeat: beat('w', rows, rows / 10), silentMs: nowMs - beatMs }], nowMs);
  see(1_000, 1_000, 1_100);
  assert.deepEqual(rates.of('m@1'), { rows: 0, batches: 0 });
  see(1_200, 2_000, 2_050);
  assert.deepEqual(rates.of('m@1'), { rows: 200, batches: 20 });
  // The same beat seen again, with a little of the trip in it.
  see(1_200, 2_003, 2_990);
  assert.deepEqual(rates.of('m@1'), { rows: 200, batches: 20 });
  see(1_600, 4_000, 4_010);
  assert.deepEqual(rates.of('m@1'), { rows: 200, batches: 20 });
  rates.look([{ heartbeat: beat('w', 1_600, 160), silentMs: 4_000 }], 8_000);
  assert.deepEqual(rates.of('m@1'), { rows: 0, batches: 0 });
  const figures = shown({
    rates: () => ({ rows: 80, batches: 10 }),
    beats: [{ heartbeat: beat('w', 0, 0), silentMs: 0 }],
    queues: new Map([['m@1', look()]]),
  });
  assert.deepEqual(figures.batch, { rows: 8, fill: 0.5, efficiency: 0.8 });
});

test('lookups are told by how they have grown, and what was not asked for is not told', () => {
  const tally = createTally();
  assert.deepEqual(tally.take(new Map([['m@1', { hits: 3, misses: 1 }]]))['m@1'], {
    requests: 0,
    errors: 0,
    hits: 3,
    misses: 1,
    latency: {},
  });
  assert.equal(tally.take(new Map([['m@1', { hits: 7, misses: 1 }]]))['m@1']?.hits, 4);
  assert.deepEqual(tally.take(new Map([['m@1', { hits: 7, misses: 1 }]])), {});
});

test('a window is summarised: rates by the second, latency by the request', () => {
  const summary = createSummary();
  const fast = makeSample(parts({ nowMs: 1_000, beforeMs: 0, seconds: [second('a', Array(99).fill(10) as number[])] }));
  const slow = makeSample(parts({ nowMs: 2_000, beforeMs: 1_000, seconds: [second('a', [1_000])] }));
  for (const sample of [fast, slow]) summary.add(sampleSchema.parse({ ...sample, alerts: {} }));
  const result = summary.result() as {
    samples: number;
    requests_per_s: Record<string, number>;
    latency_ms: { all: Record<string, number> };
    batch_rows: unknown;
  };
  assert.equal(result.samples, 2);
  assert.deepEqual(result.requests_per_s, { mean: 50, median: 1, p95: 1, p99: 1 });
  const { mean = 0, median = 0, p99 = 0 } = result.latency_ms.all;
  assert.ok(Math.abs(mean - 19.9) < 0.4 && Math.abs(median - 10) < 0.2 && Math.abs(p99 - 10) < 0.2);
  assert.equal(result.batch_rows, null);
});
