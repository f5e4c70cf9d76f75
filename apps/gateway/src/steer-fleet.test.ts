import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Directive, DrainWish } from '@batchyard/shared/contract/directive';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createSteerFleet } from './steer-fleet.ts';

const beat = (id: string, rows: number): Heartbeat =>
  ({
    id,
    token: `${id}:1`,
    models: [
      {
        queue: 'm@1',
        rows,
        latency: [
          { rows: 16, p50_ms: 20, p99_ms: 25 },
          { rows: 1, p50_ms: 5, p99_ms: 6 },
        ],
      },
    ],
  }) as unknown as Heartbeat;

function puppet() {
  const said: ReadonlyMap<string, Directive>[] = [];
  const state = { holder: 'me', rows: 0, away: false };
  const drains = new Map<string, DrainWish>();
  const forgotten: string[] = [];
  const fleet = createSteerFleet({
    gateway: 'me',
    async steer(_gateway, directives) {
      if (state.away) throw new Error('away');
      said.push(directives);
      return state.holder;
    },
    serving: () => [beat('a', state.rows), beat('b', 0)],
    wishes: async () => ({ drains }),
    known: () => ['a', 'b'],
    forget: async (worker) => void forgotten.push(worker),
    report: () => undefined,
  });
  return { fleet, said, state, drains, forgotten };
}

test('who holds the lease lets as many take as the load fills, and the others rest with the reason in words', async () => {
  const { fleet, said, state } = puppet();
  for (let s = 0; s < 10; s += 1) {
    await fleet.turn(1_000 * s);
    state.rows += 900;
  }
  assert.ok(fleet.holds());
  const last = [...(said.at(-1)?.values() ?? [])];
  assert.deepEqual(
    last
      .map((one) => (one.kind === 'serve' ? one.takes : {}))
      .toSorted((x, y) => Object.keys(x).length - Object.keys(y).length),
    [{}, { 'm@1': { rest_ms: 40 } }],
  );
  assert.ok(last.some(({ reason }) => /1 of 2 workers can do the \d+ rows\/s that come/.test(reason)));
});

test('who does not hold it says nothing, nor does who has just got it, nor after Redis was away', async () => {
  const { fleet, said, state } = puppet();
  state.holder = 'other';
  await fleet.turn(0);
  await fleet.turn(1_000);
  state.holder = 'me';
  await fleet.turn(2_000);
  assert.deepEqual(
    said.map((one) => one.size),
    [0, 0, 0],
  );
  await fleet.turn(3_000);
  assert.equal(said.at(-1)?.size, 2);
  state.away = true;
  await assert.rejects(fleet.turn(4_000));
  assert.equal(fleet.holds(), false);
});

test('who is to be drained is told so until the wish is taken back, and wishes for workers that are gone are dropped', async () => {
  const { fleet, said, drains, forgotten } = puppet();
  await fleet.turn(0);
  drains.set('a', { exit: false, reason: 'by hand' });
  drains.set('gone', { exit: false, reason: 'by hand' });
  await fleet.turn(1_000);
  assert.deepEqual(said.at(-1)?.get('a'), { kind: 'drain', exit: false, reason: 'by hand' });
  assert.equal(said.at(-1)?.get('b')?.kind, 'serve');
  assert.deepEqual(forgotten, ['gone']);
  drains.clear();
  await fleet.turn(2_000);
  assert.equal(said.at(-1)?.get('a')?.kind, 'serve');
});
