import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Failure } from '@batchyard/shared/contract/failure';

import { createSingleFlight, type Traveller } from './single-flight.ts';

const NEVER = new Promise<void>(() => undefined);
const turn = (): Promise<unknown> => new Promise(setImmediate);
const traveller = (changes: Partial<Traveller> = {}): Traveller => ({
  urgency: 3,
  remainingMs: 60_000,
  gone: NEVER,
  ...changes,
});

/** Work that ends when it is told to. */
function jobs() {
  const begun: { gone: Promise<void>; done(value: string): void; fail(error: unknown): void }[] = [];
  const work = (gone: Promise<void>): Promise<string> =>
    new Promise((resolve, reject) => void begun.push({ gone, done: resolve, fail: reject }));
  return { begun, work };
}

test('equal requests share one job, and a later one begins anew', async () => {
  const flights = createSingleFlight<string>();
  const { begun, work } = jobs();
  const both = [flights.share('k', traveller(), work), flights.share('k', traveller(), work)];
  assert.equal(begun.length, 1);
  begun[0]?.done('a');
  assert.deepEqual(await Promise.all(both), [
    { value: 'a', followed: false },
    { value: 'a', followed: true },
  ]);
  await turn();
  void flights.share('k', traveller(), work);
  assert.equal(begun.length, 2);
});

test('a more urgent request does not wait behind a less urgent one', async () => {
  const flights = createSingleFlight<string>();
  const { begun, work } = jobs();
  const all = [4, 1, 2, 4].map((urgency) => flights.share('k', traveller({ urgency }), work));
  assert.equal(begun.length, 2);
  for (const { done } of begun) done('a');
  await Promise.all(all);
});

test('a leader that leaves takes nobody along; the job is given up when all have left', async () => {
  const flights = createSingleFlight<string>();
  const { begun, work } = jobs();
  const leave: (() => void)[] = [];
  const gone = (): Promise<void> => new Promise((resolve) => void leave.push(resolve));
  void flights.share('k', traveller({ gone: gone() }), work);
  void flights.share('k', traveller({ gone: gone() }), work);
  let abandoned = false;
  void begun[0]?.gone.then(() => (abandoned = true));
  leave[0]?.();
  await turn();
  assert.ok(!abandoned);
  leave[1]?.();
  await turn();
  assert.ok(abandoned);
  begun[0]?.done('a');
});

test('a follower has its own deadline', async () => {
  const flights = createSingleFlight<string>();
  const { begun, work } = jobs();
  const first = flights.share('k', traveller(), work);
  await assert.rejects(flights.share('k', traveller({ remainingMs: 5 }), work), { code: 'expired' });
  begun[0]?.done('a');
  assert.deepEqual(await first, { value: 'a', followed: false });
});

test('what fails for another reason than its input fails its leader only', async () => {
  const flights = createSingleFlight<string>();
  for (const [code, shared] of [
    ['worker_error', false],
    ['expired', false],
    ['model_error', true],
    ['poison', true],
  ] as const) {
    const { begun, work } = jobs();
    const lead = flights.share(code, traveller(), work);
    const follower = flights.share(code, traveller(), work);
    begun[0]?.fail(new Failure(code, 'no'));
    const [led, followed] = await Promise.allSettled([lead, follower]);
    assert.equal(led.status, 'rejected');
    assert.equal(followed.status, shared ? 'rejected' : 'fulfilled');
    if (followed.status === 'fulfilled') assert.equal(followed.value, 'failed');
  }
});
