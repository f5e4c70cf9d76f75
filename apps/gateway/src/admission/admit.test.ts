import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decideAdmission, serviceMs, type Asked, type Load } from './admit.ts';

const load = (over: Partial<Load> = {}): Load => ({
  draining: false,
  workers: 1,
  latency: [],
  memoryShare: 0,
  waitMs: 0,
  bytesShare: 0,
  behindMs: 0,
  ...over,
});
const asked = (over: Partial<Asked> = {}): Asked => ({
  priority: 'normal',
  timeoutMs: 1_000,
  rows: 1,
  waits: true,
  ...over,
});
const code = (a: Asked, l: Load): string => {
  const admission = decideAdmission(a, l);
  return admission.admit ? 'admitted' : admission.code;
};

test('a draining gateway admits nothing', () => {
  assert.equal(code(asked(), load({ draining: true })), 'draining');
});

test('without a worker a caller is refused at once, and a job may wait for one', () => {
  assert.equal(code(asked(), load({ workers: 0 })), 'model_not_ready');
  assert.equal(code(asked({ waits: false }), load({ workers: 0 })), 'admitted');
});

test('a deadline shorter than a run is refused at once', () => {
  const latency = [{ rows: 1, p50_ms: 50, p99_ms: 60 }];
  assert.equal(code(asked({ timeoutMs: 10 }), load({ latency })), 'overloaded');
  assert.equal(code(asked({ timeoutMs: 100 }), load({ latency })), 'admitted');
});

test('the service time is that of the fastest worker for at least as many rows', () => {
  const latency = [
    { rows: 1, p50_ms: 5, p99_ms: 9 },
    { rows: 8, p50_ms: 20, p99_ms: 30 },
    { rows: 8, p50_ms: 12, p99_ms: 30 },
  ];
  assert.deepEqual(
    [serviceMs(latency, 1), serviceMs(latency, 2), serviceMs(latency, 9), serviceMs([], 1)],
    [5, 12, 0, 0],
  );
});

test('at 60 % of the memory of Redis low is refused, at 75 % everything', () => {
  assert.equal(code(asked({ priority: 'low' }), load({ memoryShare: 0.6 })), 'overloaded');
  assert.equal(code(asked(), load({ memoryShare: 0.6 })), 'admitted');
  assert.equal(code(asked({ priority: 'critical', waits: false }), load({ memoryShare: 0.75 })), 'overloaded');
});

test('what would wait past its deadline is refused at once, with the wait as the time to come back', () => {
  const latency = [{ rows: 1, p50_ms: 50, p99_ms: 60 }];
  assert.equal(code(asked(), load({ latency, waitMs: 759 })), 'admitted');
  const close = decideAdmission(asked(), load({ latency, waitMs: 800 }));
  assert.match(close.admit ? '' : close.text, /is too close to the deadline of 1000 ms/);
  for (const waits of [true, false]) {
    const refused = decideAdmission(asked({ waits }), load({ latency, waitMs: 2_500 }));
    assert.ok(!refused.admit);
    assert.deepEqual(
      [refused.code, refused.retryAfterS, refused.text],
      ['overloaded', 2.5, 'the predicted wait is 2500 ms and a run takes 50 ms, which misses the deadline of 1000 ms'],
    );
  }
});

test('inputs that wait are bounded by their bytes as well', () => {
  assert.equal(code(asked(), load({ bytesShare: 0.99 })), 'admitted');
  assert.equal(code(asked({ waits: false }), load({ bytesShare: 1 })), 'queue_full');
});

test('a gateway that is behind with its own work refuses the less urgent first, and critical only by its deadline', () => {
  const admitted = (behindMs: number): string[] =>
    (['critical', 'high', 'normal', 'low'] as const).filter(
      (priority) => code(asked({ priority, timeoutMs: 10_000 }), load({ behindMs })) === 'admitted',
    );
  assert.deepEqual(admitted(150), ['critical', 'high', 'normal', 'low']);
  assert.deepEqual(admitted(250), ['critical', 'high', 'normal']);
  assert.deepEqual(admitted(400), ['critical', 'high']);
  assert.deepEqual(admitted(1_000), ['critical']);
  assert.deepEqual(admitted(4_500), []);
});

test('what the gateway is behind counts twice against a deadline: when a request comes and when its answer does', () => {
  assert.equal(code(asked({ timeoutMs: 500 }), load({ behindMs: 190 })), 'admitted');
  assert.equal(code(asked({ timeoutMs: 500 }), load({ behindMs: 210 })), 'overloaded');
});
