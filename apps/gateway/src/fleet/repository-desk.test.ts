import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ModelWish, RepositoryReport } from '@batchyard/shared/contract/repository';

import { createRepositoryDesk } from './repository-desk.ts';

type Worker = RepositoryReport & { readonly follows?: (wish: ModelWish) => RepositoryReport['models'] };

/** Workers that follow a wish when they are next asked, each in its way; time passes by pauses only. */
function puppet(workers: Record<string, Worker>) {
  const clock = { ms: 0 };
  let wish: ModelWish | undefined;
  const wishes: ModelWish[] = [];
  const reports = (): [string, RepositoryReport][] =>
    Object.entries(workers).map(([id, { follows, ...own }]) => [
      id,
      wish && follows ? { ...own, obeyed: [wish.id], models: follows(wish) } : own,
    ]);
  const isServed = (): boolean => reports().some(([, { models }]) => models.some(({ state }) => state === 'READY'));
  const desk = createRepositoryDesk({
    queue: {
      repositoryReports: async (ids) => new Map(reports().filter(([id]) => ids.includes(id))),
      async wishModel(_model, made) {
        wish = made;
        wishes.push(made);
        return true;
      },
      modelWish: async () => wish,
    },
    fleet: {
      refresh: async () => undefined,
      serving: () => Object.keys(workers).map((id) => ({ heartbeat: { id } })),
      model: () => (isServed() ? { workers: 1 } : undefined),
    },
    limitMs: 1_000,
    now: () => clock.ms,
    pause: async (ms) => void (clock.ms += ms),
  });
  return { desk, wishes, clock };
}
const idle = (control: RepositoryReport['control'] = 'explicit'): RepositoryReport => ({
  control,
  obeyed: [],
  models: [{ name: 'm', state: 'UNAVAILABLE', reason: 'unloaded' }],
});
const serves = (): RepositoryReport['models'] => [{ name: 'm', version: '1', state: 'READY', reason: '' }];
const breaks = (): RepositoryReport['models'] => [{ name: 'm', version: '1', state: 'UNAVAILABLE', reason: 'broken' }];
const refusal = (code: string, message: string) => ({ code, message });

test('a load is answered when all workers under explicit control have followed', async () => {
  const { desk, wishes } = puppet({
    a: { ...idle(), follows: serves },
    b: { ...idle(), follows: serves },
    c: idle('poll'),
  });
  await desk.load('m', '{}');
  assert.deepEqual(
    wishes.map(({ load, config }) => [load, config]),
    [[true, '{}']],
  );
  assert.deepEqual(await desk.index(true), serves());
});

test('one that cannot load it makes the load fail, with the reason and how many', async () => {
  const { desk } = puppet({ a: { ...idle(), follows: serves }, b: { ...idle(), follows: breaks } });
  await assert.rejects(
    desk.load('m', undefined),
    refusal('bad_request', "failed to load 'm', broken (1 of 2 workers)"),
  );
});

test('who does not follow in time is not waited for; where nobody does that is told', async () => {
  const half = puppet({ a: { ...idle(), follows: serves }, b: idle() });
  await half.desk.load('m', undefined);
  assert.ok(half.clock.ms >= 1_000);
  const none = puppet({ a: idle() });
  await assert.rejects(
    none.desk.load('m', undefined),
    refusal('bad_request', "failed to load 'm', no worker has answered in time"),
  );
});

test('in another mode, or without workers, nothing is wished', async () => {
  const polled = puppet({ a: idle('poll'), b: idle('none') });
  for (const ask of [polled.desk.load('m', undefined), polled.desk.unload('m')])
    await assert.rejects(
      ask,
      refusal('bad_request', 'explicit model load / unload is not allowed if polling is enabled'),
    );
  await assert.rejects(puppet({}).desk.load('m', undefined), refusal('model_not_ready', 'no worker serves now'));
  assert.deepEqual(polled.wishes, []);
});

test('what is not there cannot be unloaded', async () => {
  const { desk, wishes } = puppet({ a: { ...idle(), follows: () => [] } });
  await assert.rejects(desk.unload('x'), refusal('bad_request', "failed to unload 'x', there is no such model"));
  await desk.unload('m');
  assert.deepEqual(
    wishes.map(({ load }) => load),
    [false],
  );
});
