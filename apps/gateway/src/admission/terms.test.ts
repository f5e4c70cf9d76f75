import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { QueuePolicy, Queueing } from '@batchyard/shared/contract/queueing';

import { termsOf, type Wish } from './terms.ts';

const wish = (parameters: Partial<Wish['parameters']> = {}, header: Partial<Wish> = {}): Wish => ({
  priority: undefined,
  timeoutMs: undefined,
  ...header,
  parameters: { priority: undefined, timeoutMs: undefined, ...parameters },
});
const policy = (fields: Partial<QueuePolicy>): QueuePolicy => ({
  timeout_action: 'REJECT',
  default_timeout_ms: 0,
  allow_timeout_override: false,
  max_queue_size: 0,
  ...fields,
});
const queueing = (fields: Partial<Queueing>): Queueing => ({
  priority_levels: 0,
  default_priority_level: 0,
  policies: {},
  ...fields,
});
const remaining = (own: Queueing | undefined, given: Wish): number => termsOf(own, given).remainingMs;

test('without a configuration a request has what it asks for: header, then body, then 30 s and normal', () => {
  assert.deepEqual(termsOf(undefined, wish()), { priority: 'normal', remainingMs: 30_000, delayMs: undefined });
  const both = wish({ priority: 'low', timeoutMs: 7 }, { priority: 'high', timeoutMs: 5 });
  assert.deepEqual(termsOf(undefined, both), { priority: 'high', remainingMs: 5, delayMs: undefined });
  assert.equal(termsOf(undefined, wish({ priority: 'low', timeoutMs: 7 })).priority, 'low');
});

test('a request that names no level has the default one', () => {
  const own = queueing({ priority_levels: 8, default_priority_level: 7 });
  assert.equal(termsOf(own, wish()).priority, 'low');
  assert.equal(termsOf(own, wish({ level: 3, priority: 'high' })).priority, 'high');
  assert.equal(termsOf(own, wish({}, { priority: 'critical' })).priority, 'critical');
});

test('the default timeout counts; a request shortens it only where that is allowed, and never lengthens it', () => {
  const fixed = queueing({ default_policy: policy({ default_timeout_ms: 100 }) });
  const free = queueing({ default_policy: policy({ default_timeout_ms: 100, allow_timeout_override: true }) });
  assert.deepEqual(
    [fixed, free].map((own) => [undefined, 20, 500].map((timeoutMs) => remaining(own, wish({ timeoutMs })))),
    [
      [100, 100, 100],
      [100, 20, 100],
    ],
  );
});

test('a policy without a timeout leaves time to the request', () => {
  const own = queueing({ default_policy: policy({ max_queue_size: 4 }) });
  assert.deepEqual([remaining(own, wish()), remaining(own, wish({ timeoutMs: 20 }))], [30_000, 20]);
});

test("a level's own policy comes before the default one, also when its class is named by the header", () => {
  const own = queueing({
    priority_levels: 2,
    default_priority_level: 1,
    default_policy: policy({ default_timeout_ms: 100 }),
    policies: { '2': policy({ default_timeout_ms: 300 }) },
  });
  assert.deepEqual([remaining(own, wish()), remaining(own, wish({ level: 2 }))], [100, 300]);
  assert.equal(remaining(own, wish({}, { priority: 'high' })), 300);
});

test('DELAY puts a job back at its timeout and ends it half a minute later', () => {
  const own = queueing({ default_policy: policy({ timeout_action: 'DELAY', default_timeout_ms: 100 }) });
  assert.deepEqual(termsOf(own, wish()), { priority: 'normal', remainingMs: 30_100, delayMs: 100 });
});
