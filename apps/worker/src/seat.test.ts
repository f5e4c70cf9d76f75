import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Model } from '@batchyard/shared/contract/model';

import { createBatcher } from '@batchyard/shared/batching/batcher';
import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import { acceptedOf, createSeat, sameTensors, type Occupant } from './seat.ts';
import { MODEL, QUEUE } from './testing/samples.ts';

const batching = { strategy: 'adaptive' as const, max_rows: 8, max_wait_ms: 0, preferred_rows: [] };
const named = (signature: string, changes: Partial<Model> = {}): Model => ({ ...MODEL, signature, ...changes });
const NARROW: Partial<Model> = { inputs: [{ name: 'X', datatype: 'INT32', shape: [2] }] };

type Tried = Occupant & { retired(): boolean };
function occupant(model: Model): Tried {
  const latency = createLatencyBook();
  let retired = false;
  return {
    served: { model, queue: QUEUE, latency, run: async () => ({ outputs: [], runMs: 1 }) },
    batcher: createBatcher(latency, batching),
    async retire() {
      retired = true;
    },
    retired: () => retired,
  };
}
const runsOn = (seat: ReturnType<typeof createSeat>, signature: string): string | undefined =>
  seat.served.runsOn?.(signature)?.model.signature;

test('a job of an earlier file runs on the newest one where inputs and outputs are the same', () => {
  const [first, second] = [occupant(named('one')), occupant(named('two', { accepts: ['one'] }))];
  const seat = createSeat(first, () => assert.fail('nothing is foreign'));
  assert.deepEqual([runsOn(seat, 'one'), runsOn(seat, ''), runsOn(seat, 'two')], ['one', 'one', undefined]);
  assert.equal(seat.replace(second), false);
  assert.deepEqual([runsOn(seat, 'one'), runsOn(seat, ''), runsOn(seat, 'two')], ['two', 'two', 'two']);
  assert.deepEqual([first.retired(), second.retired()], [true, false]);
  assert.equal(seat.served.model.signature, 'two');
  assert.deepEqual(seat.also(), ['one']);
});

test('where they are not, the session that it was validated against stays until it is dismissed', async () => {
  const [first, second] = [occupant(named('one', { accepts: ['zero'] })), occupant(named('two', NARROW))];
  const seat = createSeat(first, () => undefined);
  assert.equal(seat.replace(second), true);
  assert.deepEqual([runsOn(seat, 'one'), runsOn(seat, 'zero'), runsOn(seat, 'two')], ['one', 'one', 'two']);
  assert.equal(first.retired(), false);
  assert.deepEqual(seat.also(), ['one', 'zero']);
  await seat.dismissFormer();
  assert.deepEqual([first.retired(), runsOn(seat, 'one')], [true, undefined]);
});

test('sessions that stay are bounded: the oldest goes', () => {
  const all = Array.from({ length: 7 }, (_, i) =>
    occupant(named(`file${i}`, { inputs: [{ name: 'X', datatype: 'INT32', shape: [i + 1] }] })),
  );
  const [first, ...others] = all as [Tried, ...Tried[]];
  const seat = createSeat(first, () => undefined);
  for (const one of others) seat.replace(one);
  assert.deepEqual(
    all.map((one) => one.retired()),
    [true, true, false, false, false, false, false],
  );
});

test('a job of a file that only another worker has is left to it; what nobody has is not', () => {
  const asked: string[] = [];
  const seat = createSeat(occupant(named('one')), (signature) => void asked.push(signature));
  const leaves = (signature: string) => seat.served.leaves?.(signature);
  assert.equal(leaves('one'), false);
  assert.equal(leaves('two'), true);
  seat.knowElsewhere(new Set(['two']), 'two');
  assert.equal(leaves('two'), true);
  assert.equal(leaves('lost'), true);
  seat.knowElsewhere(new Set(['two']), 'lost');
  assert.equal(leaves('lost'), false);
  assert.deepEqual(asked, ['two', 'two', 'lost']);
  seat.replace(occupant(named('two')));
  assert.equal(leaves('two'), false);
  // It may be another worker's by now.
  assert.equal(leaves('lost'), true);
});

test('a closed seat takes nothing more', () => {
  const seat = createSeat(occupant(named('one')), () => undefined);
  assert.equal(seat.served.closed?.(), false);
  seat.close();
  assert.equal(seat.served.closed?.(), true);
});

test('what a client depends on: names, datatypes, shapes, the batch axis and the padding', () => {
  assert.ok(sameTensors(MODEL, named('other', { sha256: 'x', nan: 'reject' })));
  for (const change of [
    NARROW,
    { maxBatchSize: 4 },
    { outputs: [{ name: 'Z', datatype: 'INT32' as const, shape: [-1] }] },
    { lengths: [{ sizes: [4], inputs: [{ position: 0, axis: 0 }], outputs: [] }] },
  ])
    assert.ok(!sameTensors(MODEL, named('other', change)), JSON.stringify(change));
});

test('a model accepts what its predecessors accepted, up to a bound, and not itself', () => {
  const many = Array.from({ length: 16 }, (_, i) => `old${i}`);
  const before = named('before', { accepts: many });
  assert.deepEqual(
    acceptedOf(named('new'), [before, named('new', { accepts: ['x'] })]),
    ['before', ...many].slice(0, 16),
  );
  assert.deepEqual(acceptedOf(named('new', NARROW), [before]), []);
});
