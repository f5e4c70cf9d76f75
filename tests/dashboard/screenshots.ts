/** `npm run screenshots`: the dashboard idle, under load and with a worker killed, as real pictures in docs/screenshots. */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { findBrowser, openBrowser, troubleOf } from '../support/browser.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';
import { startLoad, submitOne } from './load.ts';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const MOST_BYTES = 300_000;
const SIZE = { width: 1280, height: 1180 };
/** Of load, so that the charts have something to show. */
const LOAD_MS = 40_000;
const KILLED_MS = 12_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function take(system: System, program: string): Promise<void> {
  const browser = await openBrowser(program);
  try {
    const light = await browser.newPage({ viewport: SIZE, colorScheme: 'light' });
    const dark = await browser.newPage({ viewport: SIZE, colorScheme: 'dark' });
    const troubles = [troubleOf(light), troubleOf(dark)];
    const shoot = async (page: typeof light, name: string): Promise<void> => {
      await page.screenshot({ path: `${FOLDER}${name}.png` });
      const { size } = statSync(`${FOLDER}${name}.png`);
      process.stdout.write(`${name}.png ${Math.round(size / 1024)} KiB\n`);
      if (size > MOST_BYTES) throw new Error(`${name}.png is too large`);
    };
    await Promise.all([light, dark].map((page) => page.goto(`${system.ops}/#/`)));
    await light.getByText('All is well').waitFor();
    await pause(5_000);
    await shoot(light, 'idle');

    const load = await startLoad(system, 24);
    const jobs = await Promise.all(Array.from({ length: 24 }, () => submitOne(system, 'text-tagger')));
    await pause(LOAD_MS);
    await shoot(light, 'load');
    await shoot(dark, 'load-dark');
    await dark.goto(`${system.ops}/#/jobs/${jobs.at(-1)}`);
    await dark.getByText('Ran in the same batch').waitFor();
    await pause(1_500);
    await shoot(dark, 'job');
    await dark.goto(`${system.ops}/#/playground`);
    await dark.getByRole('button', { name: 'Send' }).click();
    await dark.getByText('Result').waitFor();
    await shoot(dark, 'playground');
    await dark.goto(`${system.ops}/#/loadtest`);
    await dark.getByRole('button', { name: 'Start' }).click();
    await dark.getByText('done', { exact: true }).first().waitFor();
    await shoot(dark, 'loadtest');

    const [victim] = processesOf(system, 'worker');
    if (victim === undefined) throw new Error('there is no worker to kill');
    process.kill(victim, 'SIGKILL');
    await until('the death is shown', async () =>
      (await light.locator('.badge.kill').count()) > 0 ? true : undefined,
    );
    await pause(KILLED_MS);
    await shoot(light, 'killed');
    await light.goto(`${system.ops}/#/workers`);
    await light.getByRole('columnheader', { name: 'Share and why' }).waitFor();
    await pause(1_000);
    await shoot(light, 'workers');
    await load.stop();
    const told = troubles.flat();
    if (told.length > 0) throw new Error(`the page complained: ${told.join('; ')}`);
  } finally {
    await browser.close();
  }
}

const found = await findBrowser();
if ('missing' in found) throw new Error(found.missing);
const redis = await startRedis(['--appendonly', 'yes', '--maxmemory', '256mb', '--maxmemory-policy', 'noeviction']);
try {
  const system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_WORKERS: '3', BATCHYARD_CACHE: 'on' });
  try {
    await take(system, found.path);
  } finally {
    await system.stop();
  }
} finally {
  await redis.stop();
}
