import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createShardWaits } from './shard-waits.ts';

const SHARDS: Record<string, number> = { a: 0, b: 1, c: 1, d: 2 };

/** Blocking calls end when the test says so; time stands still until it is moved. */
function puppet() {
  let nowMs = 0;
  const calls: { shard: number; queues: readonly string[]; maxMs: number; open: boolean }[] = [];
  const ends = new Map<number, { resolve(queue?: string): void; reject(error: Error): void }>();
  const handed: string[] = [];
  const timers = new Set<{ atMs: number; call: () => void }>();
  const wait = createShardWaits({
    shardOf: (queue) => SHARDS[queue] ?? 0,
    waitIn(shard, queues, maxMs) {
      calls.push({ shard, queues, maxMs, open: true });
      return new Promise((resolve, reject) => ends.set(shard, { resolve, reject }));
    },
    handOn: async (queue) => void handed.push(queue),
    after(ms, call) {
      const timer = { atMs: nowMs + ms, call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    now: () => nowMs,
  });
  const settled = (): Promise<void> => new Promise(setImmediate);
  return {
    wait,
    calls,
    handed,
    timers,
    async ring(shard: number, queue?: string) {
      ends.get(shard)?.resolve(queue);
      await settled();
    },
    async fail(shard: number) {
      ends.get(shard)?.reject(new Error(`shard ${shard} is away`));
      await settled();
    },
    async pass(ms: number) {
      nowMs += ms;
      for (const timer of timers) if (timer.atMs <= nowMs) timer.call();
      await settled();
    },
  };
}

test('a connection blocks in each shard, and the first that rings ends the wait', async () => {
  const { wait, calls, ring, timers } = puppet();
  const woken = wait(['a', 'b', 'c'], 1_000);
  assert.deepEqual(
    calls.map(({ shard, queues }) => [shard, queues]),
    [
      [0, ['a']],
      [1, ['b', 'c']],
    ],
  );
  await ring(1, 'c');
  assert.equal(await woken, 'c');
  assert.equal(timers.size, 0);
});

test('what still blocks serves the next wait', async () => {
  const { wait, calls, ring } = puppet();
  const first = wait(['a', 'b'], 1_000);
  await ring(0, 'a');
  await first;
  const second = wait(['a', 'b'], 1_000);
  assert.deepEqual(
    calls.map(({ shard }) => shard),
    [0, 1, 0],
  );
  await ring(1, 'b');
  assert.equal(await second, 'b');
});

test('a marker that nobody waits for is handed on', async () => {
  const { wait, handed, ring } = puppet();
  const first = wait(['a', 'b'], 1_000);
  await ring(0, 'a');
  await first;
  await ring(1, 'b');
  assert.deepEqual(handed, ['b']);
  const other = wait(['b'], 1_000);
  const rested = wait(['a'], 1_000);
  await ring(1, 'b');
  assert.deepEqual(handed, ['b', 'b']);
  await ring(0, 'a');
  assert.equal(await rested, 'a');
  void other;
});

test('a shard that gave nothing is asked again for the time that is left', async () => {
  const { wait, calls, ring, pass } = puppet();
  const woken = wait(['a', 'b'], 1_000);
  await pass(400);
  await ring(1);
  assert.deepEqual(calls.at(-1), { shard: 1, queues: ['b'], maxMs: 600, open: true });
  await pass(600);
  assert.equal(await woken, undefined);
});

test('one shard that is away ends nothing; where all are, the wait fails', async () => {
  const { wait, fail, ring } = puppet();
  const woken = wait(['a', 'b'], 1_000);
  await fail(0);
  await ring(1, 'b');
  assert.equal(await woken, 'b');
  const lost = wait(['a', 'd'], 1_000);
  await fail(0);
  const rejected = assert.rejects(lost, /shard 2 is away/);
  await fail(2);
  await rejected;
});
