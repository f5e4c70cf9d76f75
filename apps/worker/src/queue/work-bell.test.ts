import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startWorkBell } from './work-bell.ts';

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** A bell whose blocking call answers when told, in the order it was asked. */
function bellOf(queues: readonly string[]) {
  const asked: string[][] = [];
  const open: { resolve(queue: string | undefined): void; reject(error: Error): void }[] = [];
  const bell = startWorkBell({
    queues,
    waitForWork: (names) => {
      asked.push([...names]);
      return new Promise((resolve, reject) => void open.push({ resolve, reject }));
    },
    pause: async () => undefined,
  });
  const heard: string[] = [];
  const sleep = (queue: string): void => void bell.wait(queue).then(() => heard.push(queue));
  return {
    bell,
    asked,
    heard,
    sleep,
    async answer(queue: string | undefined | Error) {
      const next = open.shift();
      if (queue instanceof Error) next?.reject(queue);
      else next?.resolve(queue);
      await turn();
    },
  };
}

test('a marker wakes who sleeps on its queue and nobody else', async () => {
  const { answer, sleep, heard } = bellOf(['a', 'b']);
  sleep('a');
  sleep('b');
  await answer('b');
  assert.deepEqual(heard, ['b']);
});

test('a wake-up that nobody sleeps on is kept, once', async () => {
  const { answer, sleep, heard } = bellOf(['a']);
  await answer('a');
  sleep('a');
  await turn();
  assert.deepEqual(heard, ['a']);
  sleep('a');
  await turn();
  assert.deepEqual(heard, ['a']);
});

test('each queue is asked for first in its turn', async () => {
  const { answer, asked } = bellOf(['a', 'b', 'c']);
  await answer('a');
  await answer('a');
  assert.deepEqual(asked, [
    ['a', 'b', 'c'],
    ['b', 'c', 'a'],
    ['c', 'a', 'b'],
  ]);
});

test('everybody looks once after a second without a marker, and after trouble', async () => {
  for (const outcome of [undefined, new Error('Connection is closed.')]) {
    const { answer, sleep, heard } = bellOf(['a', 'b']);
    sleep('a');
    sleep('b');
    await answer(outcome);
    await turn();
    assert.deepEqual(heard, ['a', 'b']);
  }
});

test('a stopped bell lets everybody go and keeps nobody', async () => {
  const { bell, sleep, heard } = bellOf(['a']);
  sleep('a');
  bell.stop();
  sleep('a');
  await turn();
  assert.deepEqual(heard, ['a', 'a']);
});
