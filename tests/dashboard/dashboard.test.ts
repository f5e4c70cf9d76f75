/** The dashboard in a real browser against a real cluster, in its main uses; no page may complain of anything. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { makeTestModels } from '../../models/make-test-models.ts';
import { findBrowser, openBrowser, troubleOf } from '../support/browser.ts';
import { ended, oneRow, submitJob } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';
import { startLoad } from './load.ts';

const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  { name: 'narrow', colorScheme: 'light', viewport: { width: 390, height: 800 } },
] as const;

const SETTLED_MS = 5_000;

const found = await findBrowser();
const skip = 'missing' in found ? found.missing : false;
let redis: TestRedis;
let system: System;
let models: string;
let browser: Browser;
let page: Page;
let troubles: readonly string[];
before(async () => {
  if ('missing' in found) return;
  models = await mkdtemp(join(tmpdir(), 'batchyard-dashboard-'));
  await makeTestModels(models, ['poison', 'simple']);
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_WORKERS: '2' });
  browser = await openBrowser(found.path);
  page = await browser.newPage({ viewport: LOOKS[0].viewport });
  troubles = troubleOf(page);
});
after(async () => {
  if (skip) return;
  await browser.close();
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const open = (hash: string): Promise<unknown> => page.goto(`${system.ops}/#/${hash}`);

test('load is seen to arrive, in the sentence, the figures and the card of its model', { skip }, async () => {
  await open('');
  await page.getByText('All is well: idle, and ready.').waitFor();
  const load = await startLoad(system, 2);
  try {
    const card = page.getByRole('article', { name: 'simple@1' });
    await until('the rate is shown', async () => {
      const text = (await card.innerText()).replaceAll('\n', ' ');
      return /Rate [1-9][\d.]*k?\/s/.test(text) ? true : undefined;
    });
    assert.equal(await page.locator('.chart canvas').count(), 3);
    assert.match(await page.locator('header [role=status]').innerText(), /live/);
  } finally {
    await load.stop();
  }
});

test('a browser without a locale, whose language is none, shows the charts too', { skip }, async () => {
  const other = await browser.newPage();
  const own = troubleOf(other);
  await other.addInitScript(
    `Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix', configurable: true })`,
  );
  await other.goto(`${system.ops}/#/`);
  await other.locator('.chart canvas').first().waitFor();
  assert.deepEqual(own, []);
  await other.close();
});

test('a job is found by its id, with its timeline, its result and no tensor', { skip }, async () => {
  const id = await submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [12]));
  await ended(system.url, id);
  await open('jobs');
  await page.getByLabel('Id').fill(id);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('succeeded').first().waitFor();
  assert.match((await page.getByRole('img').getAttribute('aria-label')) ?? '', /run [\d.]+ ms/);
  assert.match(await page.getByRole('region', { name: 'Result' }).innerText(), /INT32[\s\S]*24/);
});

test('a failed job shows its error and is tried again; so is a group of them', { skip }, async () => {
  const ids = await Promise.all([1, 2].map(() => submitJob(system.url, 'poison', oneRow('CODE', 'INT32', [5_000]))));
  for (const id of ids) assert.equal((await ended(system.url, id)).status, 'failed');
  await open(`jobs/${ids[0]}`);
  await page.getByRole('alert').getByText('model_error').waitFor();
  await page.getByRole('button', { name: 'Retry' }).click();
  await until('it has run again', async () =>
    (await ended(system.url, ids[0] ?? '')).deliveries === 2 ? true : undefined,
  );
  await open('failures');
  await page.getByRole('button', { name: 'Retry all' }).click();
  await page.getByText('2 tried again').waitFor();
});

test('the playground makes a valid request and shows the result', { skip }, async () => {
  await open('playground');
  await page.getByLabel('Model').selectOption('simple@1');
  await page.getByText('INPUT1 INT32').waitFor();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('"OUTPUT0"').waitFor();
  await page.getByLabel('Request').fill('{"inputs":[]}');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Refused').waitFor();
});

test('a queue is paused and resumed from its card', { skip }, async () => {
  await open('');
  const card = page.getByRole('article', { name: 'simple@1' });
  await card.getByRole('button', { name: 'Pause' }).click();
  await card.getByRole('button', { name: 'Resume' }).click();
  await card.getByRole('button', { name: 'Pause' }).waitFor();
});

for (const { name, colorScheme, viewport } of LOOKS) {
  test(
    `every view is usable ${name}: nothing is wider than the page, and the keyboard reaches all`,
    { skip },
    async () => {
      const own = await browser.newPage({ colorScheme, viewport });
      const complaints = troubleOf(own);
      for (const view of ['', 'jobs', 'workers', 'failures', 'alerts', 'playground', 'loadtest']) {
        await own.goto(`${system.ops}/#/${view}`);
        await own.locator('main > *').first().waitFor();
        // What is drawn first may be laid out once more when its data has come.
        const fits = (): Promise<boolean> => own.evaluate('document.documentElement.scrollWidth <= innerWidth');
        await until(`nothing of ${view} is too wide`, async () => ((await fits()) ? true : undefined), SETTLED_MS);
      }
      const dark = await own.evaluate<string>('document.documentElement.dataset.theme');
      assert.equal(dark, colorScheme);
      await own.keyboard.press('Tab');
      assert.equal(await own.evaluate<string>('document.activeElement.className'), 'skip');
      assert.deepEqual(complaints, []);
      await own.close();
    },
  );
}

for (const { name, colorScheme, viewport } of LOOKS) {
  test(
    `the pages about the interfaces are readable ${name}, under a policy that lets in their style only`,
    { skip },
    async () => {
      const own = await browser.newPage({ colorScheme, viewport });
      const complaints = troubleOf(own);
      for (const url of [system.url, system.ops]) {
        await own.goto(`${url}/docs`);
        const wider = await own.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        assert.ok(wider <= 0, `${url} is ${wider} px too wide`);
        const layout = await own.evaluate<string>('getComputedStyle(document.body).display');
        assert.equal(layout, viewport.width > 800 ? 'grid' : 'block');
        const ground = await own.evaluate<string>('getComputedStyle(document.body).backgroundColor');
        assert.equal(ground === 'rgb(255, 255, 255)', colorScheme === 'light');
      }
      assert.deepEqual(complaints, []);
      await own.close();
    },
  );
}

test('a worker is drained by its button', { skip }, async () => {
  await open('workers');
  page.once('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Drain' }).first().click();
  await page.locator('.badge.draining').first().waitFor();
  assert.deepEqual(troubles, []);
});

test('who has signed in is named, and signs out there', { skip }, async () => {
  const guarded = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_OPS_TOKEN: 'a-very-long-token',
  });
  const other = await browser.newPage();
  try {
    await other.goto(guarded.ops);
    await other.getByLabel('API key, or the operations token').fill('a-very-long-token');
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByRole('link', { name: 'BATCHYARD_OPS_TOKEN' }).click();
    await other.getByText('Signed in with BATCHYARD_OPS_TOKEN.').waitFor();
    await other.getByRole('button', { name: 'Sign out' }).click();
    await other.getByRole('button', { name: 'Sign in' }).waitFor();
    await other.goto(guarded.ops);
    assert.equal(new URL(other.url()).pathname, '/login');
  } finally {
    await other.close();
    await guarded.stop();
  }
});
