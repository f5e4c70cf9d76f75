import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { BALANCER_STRATEGIES, type BalancerStrategy } from '@batchyard/shared/contract/balancer';

import { STRATEGIES, type Candidate } from './strategies.ts';

const POST = { host: 'h', cores: 8, threads: 1 };
const candidate = (worker: string, times = 1): Candidate => ({
  worker,
  rowsPerMs: 1 / times,
  batchMs: 16 * times,
  responseMs: 5 * times,
  maxRows: 16,
  slow: { is: times >= 2.5, times },
  post: POST,
});
const fleet = [candidate('a'), candidate('b'), candidate('c', 5)];
const rules = (strategy: BalancerStrategy, candidates: readonly Candidate[], rowsPerMs = 0.02) =>
  Object.fromEntries(
    Array.from(
      STRATEGIES[strategy]({ queue: 'm@1', candidates, rowsPerMs, best: 1, busyCores: 8 }),
      ([worker, { rule }]) => [worker, rule],
    ),
  );

test('round_robin: equal turns', () => {
  const turn = { weight: 1, wait_ms: 50 };
  assert.deepEqual(rules('round_robin', fleet), { a: { turn }, b: { turn }, c: { turn } });
});

test('weighted_response_time: turns by the inverse of the response times', () => {
  const weights = Object.values(rules('weighted_response_time', fleet)).map(({ turn }) => turn?.weight ?? 0);
  assert.deepEqual(
    weights.map((weight) => Math.round(1_000 * weight)),
    [1_364, 1_364, 273],
  );
});

test('least_connections: an equal share of what waits and runs', () => {
  assert.deepEqual(rules('least_connections', fleet), { a: { share_of: 3 }, b: { share_of: 3 }, c: { share_of: 3 } });
});

test('adaptive: who is slow rests, with small batches, and is measured again now and then', () => {
  assert.deepEqual(rules('adaptive', fleet), { c: { rest_ms: 32, max_jobs: 3, probe_ms: 2_000 } });
  assert.deepEqual(rules('adaptive', fleet, 0), { c: { rest_ms: 32, max_jobs: 3, probe_ms: 10_000 } });
  assert.deepEqual(rules('adaptive', fleet.slice(0, 2)), {});
});

test('adaptive: of equals those of the lower score are the first to take', () => {
  const [first, second] = [
    { ...candidate('a'), rank: 1 },
    { ...candidate('b'), rank: 0 },
  ];
  assert.deepEqual(Object.keys(rules('adaptive', [first, second], 0.9)), ['a']);
});

test('whatever the strategy, no worker waits for another past 80 ms, and every reason is in words', () => {
  const any = fc.record({
    worker: fc.string(),
    rowsPerMs: fc.double({ min: 0.001, max: 10, noNaN: true }),
    batchMs: fc.double({ min: 0.1, max: 500, noNaN: true }),
    responseMs: fc.double({ min: 0.1, max: 500, noNaN: true }),
    maxRows: fc.integer({ min: 1, max: 64 }),
    post: fc.constant(POST),
    slow: fc.record({ is: fc.boolean(), times: fc.double({ min: 1, max: 50, noNaN: true }) }),
  });
  const fleets = fc.uniqueArray(any, { selector: ({ worker }) => worker, minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fleets, fc.constantFrom(...BALANCER_STRATEGIES), (candidates, strategy) => {
      const takes = STRATEGIES[strategy]({ queue: 'm@1', candidates, rowsPerMs: 1, best: 1, busyCores: 8 });
      for (const { rule, reason } of takes.values()) {
        assert.ok((rule.rest_ms ?? 0) <= 80 && (rule.turn?.wait_ms ?? 0) <= 80 && (rule.max_jobs ?? 1) >= 1);
        assert.match(reason, /^m@1: /);
      }
    }),
  );
});
