import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createModelMemory, type MemoryItem } from './model-memory.ts';
import { deferred } from './testing/samples.ts';

type Model = MemoryItem & { readonly name: string; isIn: boolean; inUse: number; loads: number };
function model(name: string, bytes: number, refuses = false): Model {
  const own: Model = {
    name,
    bytes,
    isIn: false,
    inUse: 0,
    loads: 0,
    async load() {
      if (refuses) throw new Error('it cannot be loaded');
      assert.equal(own.isIn, false);
      own.isIn = true;
      own.loads += 1;
    },
    async unload() {
      assert.deepEqual([own.isIn, own.inUse], [true, 0]);
      own.isIn = false;
    },
  };
  return own;
}
const namesIn = (models: readonly Model[]): string =>
  models
    .filter((one) => one.isIn)
    .map((one) => one.name)
    .join('');

test('the one that was not used for longest goes for another one', async () => {
  const memory = createModelMemory(30);
  const models = ['a', 'b', 'c', 'd'].map((name) => model(name, 10));
  const [a, b, c, d] = models as [Model, Model, Model, Model];
  for (const one of [a, b, c, a]) await memory.use(one, async () => assert.ok(one.isIn));
  assert.equal(namesIn(models), 'abc');
  await memory.use(d, async () => undefined);
  assert.equal(namesIn(models), 'acd');
  await memory.use(b, async () => undefined);
  assert.equal(namesIn(models), 'abd');
  assert.deepEqual(memory.figures(), { limitBytes: 30, usedBytes: 30, models: 3, loads: 5, evictions: 2 });
});

test('what is in use stays, and whoever needs its room waits', async () => {
  const memory = createModelMemory(10);
  const [a, b] = [model('a', 10), model('b', 10)];
  const running = deferred<void>();
  const first = memory.use(a, () => running.promise);
  const second = memory.use(b, async () => namesIn([a, b]));
  await new Promise(setImmediate);
  assert.equal(namesIn([a, b]), 'a');
  running.resolve();
  await first;
  assert.equal(await second, 'b');
});

test('who needs the same one waits for one loading, and keeps nobody from the room afterwards', async () => {
  const memory = createModelMemory(10);
  const [a, b] = [model('a', 10), model('b', 10)];
  const order: string[] = [];
  const use = (one: Model): Promise<void> => memory.use(one, async () => void order.push(one.name));
  await Promise.all([use(a), use(b), use(a), use(b)]);
  assert.deepEqual([a.loads, b.loads, order.toSorted().join('')], [1, 1, 'aabb']);
});

test('one that is larger than the limit is alone; one that cannot be loaded takes no room', async () => {
  const memory = createModelMemory(10);
  const [small, large, broken] = [model('s', 5), model('l', 50), model('x', 5, true)];
  await memory.use(small, async () => undefined);
  assert.equal(await memory.use(large, async () => namesIn([small, large])), 'l');
  await assert.rejects(
    memory.use(broken, async () => assert.fail('it ran')),
    /cannot be loaded/,
  );
  assert.equal(memory.isIn(broken), false);
  await memory.use(small, async () => undefined);
  assert.equal(memory.figures().usedBytes, 5);
});

test('what is dropped goes after what uses it', async () => {
  const memory = createModelMemory(Infinity);
  const a = model('a', 10);
  const running = deferred<void>();
  const used = memory.use(a, () => running.promise);
  let out = false;
  const dropped = memory.drop(a).then(() => (out = true));
  await new Promise(setImmediate);
  assert.deepEqual([out, a.isIn], [false, true]);
  running.resolve();
  await Promise.all([used, dropped]);
  assert.deepEqual([a.isIn, memory.figures().models], [false, 0]);
});

test('whoever uses what, the limit holds, what is in use is in memory, and everybody is served', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(6), fc.nat(3)), { maxLength: 40 }), async (uses) => {
      const memory = createModelMemory(20);
      const models = Array.from({ length: 7 }, (_, i) => model(String(i), 3 + 2 * i));
      await Promise.all(
        uses.map(async ([which, turns]) => {
          const own = models[which];
          assert.ok(own);
          await memory.use(own, async () => {
            own.inUse += 1;
            for (let i = 0; i < turns; i += 1) await new Promise(setImmediate);
            assert.ok(own.isIn);
            assert.ok(memory.figures().usedBytes <= 20);
            own.inUse -= 1;
          });
        }),
      );
      await Promise.all(models.map((one) => memory.drop(one)));
      assert.equal(memory.figures().usedBytes, 0);
    }),
    { numRuns: 50 },
  );
});
