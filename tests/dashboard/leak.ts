/**
 * `npm run test:leak -- --minutes 30`: the dashboard stays open under load. Its memory, once the ten minutes of its history
 * are full (or a third of the time has passed), must not grow further, and no listener or node may pile up.
 */
import { parseArgs } from 'node:util';

import type { CDPSession } from 'playwright-core';

import { findBrowser, openBrowser, troubleOf } from '../support/browser.ts';
import { startRedis } from '../support/redis.ts';
import { startSystem, type System } from '../support/system.ts';
import { startLoad } from './load.ts';

const GROWTH = 1.3;
const SLACK_BYTES = 4_000_000;
const FULL_AFTER_MIN = 11;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
const minutes = Number(values.minutes);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Held = { readonly heap: number; readonly nodes: number; readonly listeners: number };

async function held(session: CDPSession): Promise<Held> {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const of = (name: string): number => metrics.find((one) => one.name === name)?.value ?? 0;
  return { heap: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

async function watch(system: System, program: string): Promise<void> {
  const browser = await openBrowser(program);
  const load = await startLoad(system, 2);
  try {
    const page = await browser.newPage();
    const troubles = troubleOf(page);
    await page.goto(`${system.ops}/`);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const seen: Held[] = [];
    for (let minute = 1; minute <= minutes; minute += 1) {
      await pause(60_000);
      const now = await held(session);
      seen.push(now);
      process.stdout.write(
        `${minute} min: heap ${(now.heap / 1e6).toFixed(1)} MB, ${now.nodes} nodes, ${now.listeners} listeners\n`,
      );
    }
    const first = seen[Math.min(FULL_AFTER_MIN, Math.floor(minutes / 3)) - 1] ?? seen[0];
    const last = seen.at(-1);
    if (!first || !last || troubles.length > 0) throw new Error(troubles.join('; ') || 'nothing was seen');
    const grew = (['heap', 'nodes', 'listeners'] as const).filter(
      (what) => last[what] > first[what] * GROWTH + (what === 'heap' ? SLACK_BYTES : 100),
    );
    if (grew.length > 0) throw new Error(`it grew: ${grew.join(', ')}`);
  } finally {
    await load.stop();
    await browser.close();
  }
}

const found = await findBrowser();
if ('missing' in found) throw new Error(found.missing);
const redis = await startRedis();
try {
  const system = await startSystem({ REDIS_URL: redis.url });
  try {
    await watch(system, found.path);
  } finally {
    await system.stop();
  }
} finally {
  await redis.stop();
}
