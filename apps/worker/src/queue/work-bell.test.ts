import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startWorkBell } from './work-bell.ts';

const settle = () => new Promise(setImmediate);

/** Each call of `waitForWork` is kept until the test answers it. */
function puppet(...queues: string[]) {
  const calls: { queues: readonly string[]; maxMs: number; answer(woken?: string): void; refuse(): void }[] = [];
  const pauses: number[] = [];
  const woken: string[] = [];
  const resting = new Set<string>();
  const handed: string[] = [];
  const bell = startWorkBell({
    queues: () => queues,
    rests: (queue) => resting.has(queue),
    waitForWork: (asked, maxMs) =>
      new Promise((resolve, reject) => {
        calls.push({ queues: asked, maxMs, answer: resolve, refuse: () => reject(new Error('away')) });
      }),
    handOn: async (queue) => void handed.push(queue),
    pause: async (ms) => void pauses.push(ms),
  });
  const sleep = (queue: string): void => void bell.wait(queue).then(() => woken.push(queue));
  return { bell, calls, pauses, woken, sleep, resting, handed };
}

test('only who sleeps on the queue with work wakes', async () => {
  const { calls, woken, sleep } = puppet('m@1', 'n@1');
  sleep('m@1');
  sleep('n@1');
  calls[0]?.answer('n@1');
  await settle();
  assert.deepEqual(woken, ['n@1']);
});

test('a wake-up for a queue that nobody sleeps on is kept, once', async () => {
  const { calls, woken, sleep } = puppet('m@1', 'n@1');
  calls[0]?.answer('m@1');
  await settle();
  calls[1]?.answer('m@1');
  await settle();
  sleep('m@1');
  await settle();
  assert.deepEqual(woken, ['m@1']);
  sleep('m@1');
  await settle();
  assert.deepEqual(woken, ['m@1']);
});

test('with one queue nobody listens while its session is busy', async () => {
  const { bell, calls, woken, sleep } = puppet('m@1');
  await settle();
  assert.equal(calls.length, 0);
  sleep('m@1');
  await settle();
  assert.equal(calls.length, 1);
  calls[0]?.answer('m@1');
  await settle();
  assert.deepEqual([woken, calls.length], [['m@1'], 1]);
  bell.stop();
});

test('a marker of a queue that is left to others by now is handed on', async () => {
  const { bell, calls, resting, handed, sleep, woken } = puppet('m@1', 'n@1');
  resting.add('m@1');
  calls[0]?.answer('m@1');
  await settle();
  assert.deepEqual(handed, ['m@1']);
  resting.clear();
  sleep('n@1');
  calls[1]?.answer('n@1');
  await settle();
  assert.deepEqual(woken, ['n@1']);
  bell.stop();
});

test('each queue comes first in its turn, and no call blocks for more than a second', async () => {
  const { calls } = puppet('a', 'b', 'c');
  for (let turn = 0; turn < 3; turn += 1) {
    calls[turn]?.answer(undefined);
    await settle();
  }
  assert.deepEqual(
    calls.map((call) => call.queues.join('')),
    ['abc', 'bca', 'cab', 'abc'],
  );
  assert.ok(calls.every((call) => call.maxMs === 1_000));
});

test('when nothing rang everybody looks once', async () => {
  const { calls, woken, sleep } = puppet('m@1', 'n@1');
  sleep('m@1');
  sleep('n@1');
  calls[0]?.answer(undefined);
  await settle();
  assert.deepEqual(woken, ['m@1', 'n@1']);
  sleep('m@1');
  await settle();
  assert.equal(woken.length, 2);
});

test('when Redis is away everybody looks after a pause, and the bell goes on', async () => {
  const { calls, pauses, woken, sleep } = puppet('m@1', 'n@1');
  sleep('m@1');
  sleep('n@1');
  calls[0]?.refuse();
  await settle();
  assert.deepEqual(pauses, [100]);
  assert.deepEqual(woken, ['m@1', 'n@1']);
  sleep('n@1');
  calls[1]?.answer('n@1');
  await settle();
  assert.deepEqual(woken, ['m@1', 'n@1', 'n@1']);
});

test('stop lets everybody go, and nobody sleeps after it', async () => {
  const { bell, calls, woken, sleep } = puppet('m@1', 'n@1');
  sleep('m@1');
  bell.stop();
  sleep('n@1');
  sleep('n@1');
  await settle();
  assert.deepEqual(woken, ['m@1', 'n@1', 'n@1']);
  calls[0]?.answer(undefined);
  await settle();
  assert.equal(calls.length, 1);
});

/** A bell over one queue, whose markers and pauses come when the test says so. */
function bellByHand(rests: () => boolean = () => false) {
  const markers: ((queue: string | undefined) => void)[] = [];
  const pauses: (() => void)[] = [];
  const bell = startWorkBell({
    queues: () => ['q'],
    rests,
    waitForWork: () => new Promise((resolve) => markers.push(resolve)),
    handOn: async () => undefined,
    pause: () => new Promise((resolve) => pauses.push(resolve)),
  });
  return { bell, asked: () => markers.length, ring: () => markers.shift()?.('q'), runOut: () => pauses.shift()?.() };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a wait with a limit ends when it runs out or when the queue has work, whichever is first', async () => {
  const { bell, ring, runOut } = bellByHand();
  const first = bell.wait('q', 5);
  runOut();
  await first;
  const second = bell.wait('q', 5);
  ring();
  await second;
  bell.stop();
});

test('a wait that ran out leaves the next wake-up to the next one who sleeps', async () => {
  const { bell, ring, runOut } = bellByHand();
  const first = bell.wait('q', 5);
  runOut();
  await first;
  await turn();
  ring();
  await turn();
  await bell.wait('q');
  bell.stop();
});

test('who rests in a queue does not take its wake-ups from others, and soon listens again', async () => {
  const { calls, resting, bell } = puppet('m@1', 'n@1');
  resting.add('m@1');
  calls[0]?.answer('n@1');
  await settle();
  assert.deepEqual([calls[1]?.queues, calls[1]?.maxMs], [['n@1'], 100]);
  resting.clear();
  calls[1]?.answer(undefined);
  await settle();
  assert.deepEqual([calls[2]?.queues.length, calls[2]?.maxMs], [2, 1_000]);
  bell.stop();
  calls[2]?.answer(undefined);
});

test('who rests in every queue blocks on none until it rests no more', async () => {
  let resting = true;
  const { bell, asked, runOut } = bellByHand(() => resting);
  void bell.wait('q');
  await turn();
  assert.equal(asked(), 0);
  runOut();
  await turn();
  assert.equal(asked(), 0);
  resting = false;
  runOut();
  await turn();
  assert.equal(asked(), 1);
  bell.stop();
});
