/** The bound on what the cache keeps in Redis, on a real one: whoever stores, and whatever lapses, is replaced or vanishes. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { createRandom } from '@batchyard/loadtest/plan/random';
import { until } from '../support/system.ts';
import { PREFIX, startQueue, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(() => under.commands.flushall());

const INDEX = `${PREFIX}:x:kept`;
const CACHED = `${PREFIX}:x:cache:`;
/** As long as the gateway's. */
const keyOf = (i: number): string => `simple@1:0.0:${'k'.repeat(86)}${String(i).padStart(6, '0')}`;
const entry = (i: number, size: number) => ({ key: keyOf(i), value: Buffer.alloc(size, i) });
const entries = (from: number, count: number, size: number) =>
  Array.from({ length: count }, (_, i) => entry(from + i, size));
const HOUR = 3_600_000;

const cached = (): Promise<string[]> => under.commands.keys(`${CACHED}*`);
const usedBytes = async (): Promise<number> =>
  Number(/^used_memory:(\d+)/m.exec(await under.commands.info('memory'))?.[1]);

/** What the index says of itself: its lines, their bytes, and the sum that it carries. */
async function index() {
  const flat = await under.commands.zrange(INDEX, '0', '-1', 'WITHSCORES');
  const lines = flat.flatMap((member, i) => (i % 2 === 0 && member !== '' ? [member] : []));
  const bytes = lines.reduce((sum, line) => sum + Number.parseInt(line, 10), 0);
  return { keys: lines.map((line) => line.slice(line.indexOf(':') + 1)), bytes };
}
async function checkSum(): Promise<number> {
  const { bytes } = await index();
  assert.equal(await under.queue.keptBytes(), bytes);
  return bytes;
}

test('what is kept takes no more of Redis than the bound says, however small the entries are', async () => {
  const limit = 2 * 1_048_576;
  const bounds = { ttlMs: HOUR, bytes: limit };
  // The script's own text and the first entries' tables are there before.
  await under.queue.keepMany(entries(0, 64, 2), bounds);
  for (const size of [2, 60, 1_000, 40_000]) {
    await under.commands.flushall();
    const empty = await usedBytes();
    for (let i = 0; i < 9_000 && i * size < 3 * limit; i += 64)
      await under.queue.keepMany(entries(i, 64, size), bounds);
    assert.ok((await checkSum()) > 0.9 * limit);
    const grown = (await usedBytes()) - empty;
    // Of large values the allocator rounds up by as much as a quarter; of small ones the bytes beside them have it.
    assert.ok(grown <= (size > 4_096 ? 1.25 : 1) * limit, `${size}: ${grown}`);
  }
});

test('two who store share one bound, and the oldest go first', async () => {
  const other = under.with({});
  const bounds = { ttlMs: HOUR, bytes: 200_000 };
  for (let i = 0; i < 60; i += 1) {
    const [one] = await (i % 2 === 0 ? under.queue : other).keepMany([entry(i, 10_000)], bounds);
    assert.equal(one, true);
    assert.ok((await checkSum()) <= bounds.bytes);
  }
  const kept = (await cached()).toSorted();
  assert.deepEqual(
    kept,
    Array.from({ length: kept.length }, (_, i) => CACHED + keyOf(60 - kept.length + i)),
  );
  assert.ok(kept.length >= 17, String(kept.length));
});

test('what lapses is counted down, and with the last entry everything is gone', async () => {
  const bounds = { ttlMs: HOUR, bytes: 1_048_576 };
  await under.queue.keepMany(entries(0, 50, 1_000), { ...bounds, ttlMs: 30 });
  await under.queue.keepMany([entry(100, 500)], { ...bounds, ttlMs: 400 });
  await until('they lapse', async () => ((await cached()).length <= 1 ? true : undefined));
  await under.queue.keepMany([entry(101, 500)], { ...bounds, ttlMs: 400 });
  assert.equal((await index()).keys.includes(keyOf(0)), false);
  await checkSum();
  await until('nothing is left', async () => ((await under.commands.dbsize()) === 0 ? true : undefined));
  assert.equal(await under.queue.keptBytes(), 0);
});

test('an entry that is stored again counts once, also with another size', async () => {
  const bounds = { ttlMs: HOUR, bytes: 1_048_576 };
  await under.queue.keepMany([entry(1, 1_000)], bounds);
  const once = await checkSum();
  await under.queue.keepMany([entry(1, 1_000), entry(1, 1_000)], bounds);
  assert.equal(await checkSum(), once);
  await under.queue.keepMany([entry(1, 3_000)], bounds);
  assert.equal(await checkSum(), once + 2_000);
});

test('a result beyond the bound takes the place of nothing, and its claim goes', async () => {
  const bounds = { ttlMs: HOUR, bytes: 5_000 };
  await under.commands.set(CACHED + keyOf(2), '3', 'PX', 60_000);
  assert.deepEqual(await under.queue.keepMany([entry(1, 500), entry(2, 50_000), entry(3, 500)], bounds), [
    true,
    false,
    true,
  ]);
  assert.equal(await under.commands.exists(CACHED + keyOf(2)), 0);
  assert.ok((await checkSum()) <= 5_000);
});

test('the sum is that of the index after any history, and no entry is missing in it', async () => {
  const random = createRandom(7);
  const upto = (most: number): number => Math.floor(random() * most);
  for (let i = 0; i < 300; i += 1) {
    const some = Array.from({ length: 1 + upto(5) }, () => entry(upto(40), 2 + upto(4_000)));
    await under.queue.keepMany(some, { ttlMs: upto(4) === 0 ? 2 : HOUR, bytes: upto(3) === 0 ? 20_000 : 60_000 });
    // As a person, or an eviction, might.
    if (upto(5) === 0) await under.commands.del(CACHED + keyOf(upto(40)));
    assert.ok((await checkSum()) <= 60_000);
    const { keys } = await index();
    for (const name of await cached()) assert.ok(keys.includes(name.slice(CACHED.length)), name);
  }
});
