import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULT_WEIGHTS, type BalancerChange } from '@batchyard/shared/contract/balancer';
import type { Directive, DrainWish } from '@batchyard/shared/contract/directive';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createSteerFleet } from './steer-fleet.ts';

const beat = (id: string, rows: number): Heartbeat =>
  ({
    id,
    state: 'serving',
    load: 0,
    response_ms: 20,
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
  const asked: { balancer: BalancerChange | undefined } = { balancer: undefined };
  const drains = new Map<string, DrainWish>();
  const forgotten: string[] = [];
  const fleet = createSteerFleet({
    gateway: 'me',
    async steer(_gateway, directives) {
      if (state.away) throw new Error('away');
      said.push(directives);
      return state.holder;
    },
    configured: { strategy: 'adaptive', weights: DEFAULT_WEIGHTS },
    workers: () => [beat('a', state.rows), beat('b', 0)].map((heartbeat) => ({ heartbeat, silentMs: 100 })),
    wishes: async () => ({ ...asked, drains }),
    forget: async (worker) => void forgotten.push(worker),
    report: () => undefined,
  });
  return { fleet, said, state, asked, drains, forgotten };
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
    [{}, { 'm@1': { rest_ms: 40, rest_rows: 32 } }],
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

test('a strategy that was asked for holds from the next turn on, and is shown with how each worker stands', async () => {
  const { fleet, said, asked } = puppet();
  await fleet.turn(0);
  asked.balancer = { strategy: 'round_robin' };
  await fleet.turn(1_000);
  const turn = { weight: 1, wait_ms: 40 };
  const directive = said.at(-1)?.get('a');
  assert.deepEqual(directive?.kind === 'serve' ? directive.takes : {}, { 'm@1': { turn } });
  const { strategy, steers, workers } = fleet.view();
  assert.deepEqual([strategy, steers, workers.length], ['round_robin', true, 2]);
  assert.deepEqual([workers[0]?.health, workers[0]?.takes], ['healthy', { 'm@1': { turn } }]);
  assert.match(workers[0]?.reason ?? '', /one of 2 equal turns/);
  asked.balancer = undefined;
  await fleet.turn(2_000);
  assert.equal(fleet.view().strategy, 'adaptive');
});
