/** How batches are formed is changed on the running system, and no request notices. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { STRATEGIES } from '@batchyard/shared/contract/batching';

import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let system: System;
before(async () => {
  system = await startSystem({ BATCHYARD_WORKERS: '2' });
});
after(() => system.stop());

type Shown = {
  readonly versions: readonly {
    readonly configured: Record<string, unknown>;
    readonly changed: Record<string, unknown>;
    readonly effective: Record<string, unknown>;
    readonly workers: readonly { readonly strategy: string; readonly cap: number }[];
  }[];
};
const url = (model: string): string => `${system.ops}/v1/models/${model}/batching`;
const show = async (): Promise<Shown['versions'][number]> => {
  const body = (await (await fetch(url('simple'))).json()) as Shown;
  const [first] = body.versions;
  assert.ok(first);
  return first;
};
const put = (model: string, body: unknown): Promise<Response> =>
  fetch(url(model), { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body) });

async function untilAllServe(strategy: string, cap: number): Promise<void> {
  await until(`both workers are ${strategy}`, async () => {
    const { workers } = await show();
    const there = workers.filter((worker) => worker.strategy === strategy && worker.cap === cap);
    return there.length === 2 ? true : undefined;
  });
}

test('a change holds in every worker until it is taken back', async () => {
  const own = (await show()).configured;
  assert.deepEqual(own, { strategy: 'adaptive', max_rows: 8, max_wait_ms: 0, preferred_rows: [] });
  const change = { strategy: 'dynamic', max_rows: 4, preferred_rows: [2, 4, 8], max_wait_ms: 5, target_ms: 20 };
  assert.equal((await put('simple', change)).status, 200);
  const shown = await show();
  assert.deepEqual(shown.changed, change);
  assert.deepEqual(shown.effective, { ...change, preferred_rows: [2, 4] });
  await untilAllServe('dynamic', 4);
  assert.equal((await put('simple', {})).status, 200);
  await untilAllServe('adaptive', 8);
  assert.deepEqual((await show()).effective, own);
});

test('what is no setting is refused with its place, and nothing changes', async () => {
  for (const [body, pointer] of [
    [{ strategy: 'best' }, '/strategy'],
    [{ max_rows: 0 }, '/max_rows'],
    [{ max_wait_ms: -1 }, '/max_wait_ms'],
    [{ preferred_rows: [1.5] }, '/preferred_rows/0'],
    [[], '/'],
  ] as const) {
    const answer = await put('simple', body);
    const problem = (await answer.json()) as { code: string; errors: { pointer: string }[] };
    assert.deepEqual([answer.status, problem.code, problem.errors[0]?.pointer], [400, 'bad_request', pointer]);
  }
  assert.equal((await put('simple', '{"strategy":')).status, 400);
  assert.equal((await put('nobody', {})).status, 404);
  assert.deepEqual((await show()).changed, {});
});

test('strategies change under load and every request gets its own answer', { timeout: 120_000 }, async () => {
  let [stop, seed, answered] = [false, 0, 0];
  async function client(): Promise<void> {
    while (!stop) {
      const own = (seed += 1);
      const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(own));
      assert.equal(answer.status, 200);
      checkSimple(own, (await answer.json()) as Answer);
      answered += 1;
    }
  }
  const clients = Array.from({ length: 12 }, client);
  for (const strategy of [...STRATEGIES, 'adaptive'] as const) {
    assert.equal((await put('simple', { strategy, max_wait_ms: 5, preferred_rows: [4] })).status, 200);
    await untilAllServe(strategy, 8);
    const seen = answered;
    await until('more answers', async () => (answered > seen + 50 ? true : undefined));
  }
  stop = true;
  await Promise.all(clients);
});

test('the workers tell why batches ran, how full they were and how well they were predicted', async () => {
  const { workers } = (await (await fetch(`${system.ops}/v1/workers`)).json()) as { workers: { ops_port: number }[] };
  const texts = await Promise.all(
    workers.map(async ({ ops_port: port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
  );
  const sum = (name: string): number =>
    texts
      .flatMap((text) => [...text.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))])
      .reduce((total, match) => total + Number(match[1]), 0);
  assert.ok(sum('batchyard_batches_total\\{model="simple",reason="preferred"\\}') > 0);
  assert.ok(sum('batchyard_batch_predicted_over_actual_count\\{model="simple"\\}') > 0);
  for (const name of [
    'batchyard_batch_efficiency_ratio',
    'batchyard_batch_fill_ratio',
    'batchyard_best_rows_per_second',
  ])
    assert.ok(sum(`${name}\\{model="simple"\\}`) > 0, name);
});
