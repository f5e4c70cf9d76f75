/** The dashboard's load test in a real browser: started, watched second by second, compared, stopped, one at a time. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { findBrowser, openBrowser, troubleOf } from '../support/browser.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

const found = await findBrowser();
const skip = 'missing' in found ? found.missing : false;
let redis: TestRedis;
let system: System;
let browser: Browser;
let page: Page;
let troubles: readonly string[];
before(async () => {
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url });
  if ('missing' in found) return;
  browser = await openBrowser(found.path);
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  troubles = troubleOf(page);
});
after(async () => {
  if (!skip) await browser.close();
  await system.stop();
  await redis.stop();
});

type Runs = {
  running: { id: string; state: string } | null;
  runs: { id: string; state: string; steps: { answered_per_s: number; sent: number; failed: number }[] }[];
};
const list = async (): Promise<Runs> => (await (await fetch(`${system.ops}/v1/loadtests`)).json()) as Runs;
const start = (ask: unknown): Promise<Response> =>
  fetch(`${system.ops}/v1/loadtests`, { method: 'POST', body: JSON.stringify(ask) });
const idle = (): Promise<true> => until('none runs', async () => ((await list()).running === null ? true : undefined));

test('a test is bounded, one at a time, and stopped with what it has found', async () => {
  for (const wrong of [
    { model: 'simple', rate: 2_001 },
    { model: 'simple', seconds: 61 },
    { rate: 5 },
    { model: 'simple', rate: 5, clients: 5 },
  ])
    assert.equal((await start(wrong)).status, 400, JSON.stringify(wrong));
  const first = await start({ model: 'simple', rate: 40, seconds: 60 });
  assert.equal(first.status, 202);
  const { id } = (await first.json()) as { id: string };
  assert.equal((await start({ model: 'simple', rate: 5, seconds: 1 })).status, 409);
  assert.equal((await fetch(`${system.ops}/v1/loadtests/another`, { method: 'DELETE' })).status, 404);
  assert.equal((await fetch(`${system.ops}/v1/loadtests/${id}`, { method: 'DELETE' })).status, 202);
  await idle();
  const [kept] = (await list()).runs;
  assert.deepEqual([kept?.id, kept?.state], [id, 'stopped']);
});

test('a model that is not there fails the test, with the reason', async () => {
  assert.equal((await start({ model: 'nobody', rate: 5, seconds: 1 })).status, 202);
  await idle();
  const [kept] = (await list()).runs as unknown as { state: string; error: string }[];
  assert.equal(kept?.state, 'failed');
  assert.match(kept?.error ?? '', /serves no model nobody/);
});

test('it is started on the page, seen to run, and compared with the one before', { skip }, async () => {
  await page.goto(`${system.ops}/#/loadtest`);
  await page.getByLabel('Model').selectOption('simple');
  await page.getByLabel('Requests/s').fill('40');
  await page.getByLabel('Seconds').fill('3');
  for (const turn of [1, 2]) {
    await page.getByRole('button', { name: 'Start' }).click();
    const now = page.getByRole('region', { name: 'This test' });
    await now.getByText('running').waitFor();
    await now.getByRole('img', { name: 'Latency of each second' }).waitFor();
    await now.getByText('done', { exact: true }).waitFor();
    const rows = page.getByRole('region', { name: 'Last tests' }).getByRole('row', { name: /simple: 40\/s, 3 s/ });
    await until('it is in the list', async () => ((await rows.count()) === turn ? true : undefined));
  }
  const newest = page.getByRole('row', { name: /simple: 40\/s, 3 s/ }).first();
  assert.match(await newest.innerText(), /[+−]\d+ %/);
  const { runs } = await list();
  const step = runs[0]?.steps[0];
  assert.ok(step && step.failed === 0 && step.sent > 80 && step.sent < 160, JSON.stringify(step));
  assert.deepEqual(troubles, []);
});

test('a gateway that ends takes its load test with it, and the cluster may begin another', async () => {
  const begun = await start({ model: 'simple', rate: 20, seconds: 60 });
  assert.equal(begun.status, 202);
  const [gateway] = processesOf(system, 'gateway');
  assert.ok(gateway);
  process.kill(gateway, 'SIGKILL');
  await until('another gateway answers', async () => ((await list()).running === null ? true : undefined), 30_000);
  // The dead one's claim lapses within 15 s.
  await until(
    'another test may begin',
    async () => ((await start({ model: 'simple', rate: 5, seconds: 1 })).status === 202 ? true : undefined),
    25_000,
  );
  await idle();
  assert.equal((await list()).runs[0]?.state, 'done');
});
