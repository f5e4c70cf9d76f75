import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';

import { Failure } from '@batchyard/shared/contract/failure';

import { createBytesInFlight, decideReading } from './bytes-in-flight.ts';

type Body = IncomingMessage & { readonly waits: () => boolean };
function body(): Body {
  let paused = false;
  const puppet = { pause: () => (paused = true), resume: () => (paused = false), waits: () => paused };
  return puppet as unknown as Body;
}

test('all bodies are read on until nine tenths of the limit, and again below eight', () => {
  const reading = (total: number, before: 'all' | 'oldest') => decideReading({ total, reading: 0 }, 100, before);
  assert.deepEqual(
    [89, 90].map((total) => reading(total, 'all')),
    ['all', 'oldest'],
  );
  assert.deepEqual(
    [89, 80, 79].map((total) => reading(total, 'oldest')),
    ['oldest', 'oldest', 'all'],
  );
});

test('at the limit none is read on while answered requests will let go, and one where nothing else would', () => {
  assert.equal(decideReading({ total: 100, reading: 99 }, 100, 'oldest'), 'none');
  assert.equal(decideReading({ total: 100, reading: 100 }, 100, 'oldest'), 'oldest');
});

test('a body that does not fit beside what is held is refused as overloaded, with a time to come back', () => {
  const inFlight = createBytesInFlight(1_000);
  inFlight.came(body(), 600);
  inFlight.enter(400);
  assert.throws(
    () => inFlight.enter(401),
    (error: unknown) => error instanceof Failure && error.code === 'overloaded' && error.retryAfterS === 1,
  );
  assert.equal(inFlight.stats().refused, 1);
});

test('close to the limit the body that began first goes on and the others wait until bytes have gone', () => {
  const inFlight = createBytesInFlight(1_000);
  const [answered, first, second] = [body(), body(), body()];
  inFlight.came(answered, 500);
  for (const one of [first, second]) {
    inFlight.startReading(one);
    inFlight.came(one, 200);
  }
  assert.deepEqual(
    [first, second].map((one) => one.waits()),
    [false, true],
  );
  assert.deepEqual([inFlight.stats().paused, inFlight.stats().pauses], [1, 1]);
  inFlight.stopReading(first);
  assert.equal(second.waits(), false);
  inFlight.leave(answered);
  inFlight.leave(first);
  inFlight.leave(second);
  assert.deepEqual([inFlight.stats().requestBytes, inFlight.stats().reading, inFlight.stats().paused], [0, 0, 0]);
});

test('unread answers make bodies wait as well, until they are read', () => {
  const inFlight = createBytesInFlight(1_000);
  const [first, second] = [body(), body()];
  inFlight.startReading(first);
  inFlight.startReading(second);
  inFlight.unread(1_000);
  assert.deepEqual(
    [first, second].map((one) => one.waits()),
    [true, true],
  );
  assert.throws(() => inFlight.enter(1));
  inFlight.unread(0);
  assert.deepEqual(
    [first, second].map((one) => one.waits()),
    [false, false],
  );
});

test('what ended twice is counted once', () => {
  const inFlight = createBytesInFlight(1_000);
  const one = body();
  inFlight.startReading(one);
  inFlight.came(one, 300);
  inFlight.leave(one);
  inFlight.leave(one);
  inFlight.stopReading(one);
  assert.deepEqual([inFlight.stats().requestBytes, inFlight.stats().highWaterBytes], [0, 300]);
});
