/** Faults of Redis as a whole: gone, stopped, busy, emptied, without a disk. */
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as lasting } from 'node:timers/promises';

import { until } from '../support/system.ts';
import { bodyOf } from './subjects.ts';
import { nextSeed } from './load.ts';
import type { Disturbance, Fault } from './scenario.ts';

/** First completion 2 s after it answers, and then what had waited. */
const REDIS_RECOVERY_MS = 5_000;
const RATE_OVER_MS = 3_000;
const REGAINED_WITHIN_MS = 10_000;

async function stopRedis({ world }: Disturbance, ms: number): Promise<void> {
  world.redis.signal('SIGSTOP');
  try {
    await lasting(ms);
  } finally {
    world.redis.signal('SIGCONT');
  }
  await world.admin.ping();
}

/** Waits for the first request that is answered from now on, and tells how long that took. */
async function firstAnswer({ recorder, measured }: Disturbance): Promise<void> {
  const since = Date.now();
  await until('a request is answered', async () =>
    recorder.exchanges.some(
      ({ what, endedAt = 0, end }) =>
        what === 'infer' && endedAt >= since && end?.kind === 'answer' && end.status === 200,
    )
      ? true
      : undefined,
  );
  measured('from the answering of Redis to the first result', Date.now() - since);
}

async function killRedis(disturbance: Disturbance): Promise<void> {
  await disturbance.world.redis.kill9();
  await disturbance.world.redis.restart();
  await firstAnswer(disturbance);
}

/** Gone for longer, with a look at what callers and probes are told meanwhile, and at how fast it goes afterwards. */
async function awayForLonger(disturbance: Disturbance): Promise<void> {
  const { world, recorder, measured } = disturbance;
  const ready = async (): Promise<number> => (await fetch(`${world.system.ops}/readyz`)).status;
  const rate = async (): Promise<number> => {
    const before = recorder.acks.length;
    await lasting(RATE_OVER_MS);
    return recorder.acks.length - before;
  };
  const rateBefore = await rate();
  const goneAt = Date.now();
  await world.redis.kill9();
  const red = until('it is not ready', async () => ((await ready()) === 503 ? true : undefined)).then(() =>
    measured('from the loss of Redis to /readyz red', Date.now() - goneAt),
  );
  while (Date.now() - goneAt < 6_000) {
    const since = Date.now();
    const answer = await fetch(`${world.system.url}/v2/models/slow/infer`, {
      method: 'POST',
      body: bodyOf('slow', nextSeed()),
    });
    if (answer.status !== 503) throw new Error(`${answer.status} while Redis is gone`);
    measured('from a request to its 503 while Redis is gone', Date.now() - since);
    await lasting(200);
  }
  await red;
  await world.redis.restart();
  const backAt = Date.now();
  const green = until('it is ready', async () => ((await ready()) === 200 ? true : undefined)).then(() =>
    measured('from the answering of Redis to /readyz green', Date.now() - backAt),
  );
  await Promise.all([firstAnswer(disturbance), green]);
  await lasting(Math.max(0, backAt + REGAINED_WITHIN_MS - RATE_OVER_MS - Date.now()));
  measured('rate of accepted jobs within 10 s (% of before)', Math.round((100 * (await rate())) / rateBefore));
}

/** Every key is gone, scripts stay. */
async function flushAll({ world }: Disturbance): Promise<void> {
  await world.admin.flushall();
  await world.healthy(2);
}

/** Gone and back without what it held. */
async function killForgetful({ world }: Disturbance): Promise<void> {
  await world.redis.kill9();
  await world.redis.restart();
  await world.healthy(2);
}

/** A script of somebody else that does not end for two seconds: whoever asks meanwhile is told BUSY. */
async function slowScript({ world }: Disturbance): Promise<void> {
  await world.admin.config('SET', 'lua-time-limit', '100');
  // Before the script runs: Redis answers nothing else meanwhile, so nobody could connect.
  const other = world.admin.duplicate();
  await other.connect();
  const endless = world.admin.eval('while true do end', 0).catch((error: unknown) => String(error));
  try {
    await lasting(2_000);
    await other.script('KILL');
    const told = await endless;
    if (!String(told).includes('killed')) throw new Error(`it should have been running: ${String(told)}`);
  } finally {
    other.disconnect();
  }
}

/** A snapshot cannot be written, as when the disk is full: Redis refuses all writes with MISCONF. */
async function snapshotsFail({ world }: Disturbance): Promise<void> {
  const { admin } = world;
  const status = async (wanted: string): Promise<true | undefined> =>
    (await admin.info('persistence')).includes(`rdb_last_bgsave_status:${wanted}`) ? true : undefined;
  const inTheWay = join(world.redis.dir, BLOCKED);
  await mkdir(inTheWay);
  await admin.config('SET', 'save', '3600 1000000');
  await admin.bgsave();
  await until('a snapshot has failed', () => status('err'));
  await lasting(2_000);
  await rmdir(inTheWay);
  await admin.config('SET', 'save', '');
  await until('a snapshot succeeds', async () => {
    await admin.bgsave();
    return status('ok');
  });
}
const BLOCKED = 'blocked.rdb';
const WITH_FILE = ['--appendonly', 'yes', '--appendfsync', 'everysec'];

async function cutIdle({ world }: Disturbance): Promise<void> {
  await world.admin.config('SET', 'timeout', '1');
  await lasting(4_000);
  await world.admin.config('SET', 'timeout', '0');
}

const base = { excuses: true, recoversWithinMs: REDIS_RECOVERY_MS } as const;

export const REDIS_OUTAGES: readonly Fault[] = [
  { name: 'Redis killed', run: killRedis, ...base },
  { name: 'Redis away for 6 s', run: awayForLonger, ...base, lastsMs: 6_000 },
  {
    name: 'Redis without a file killed',
    world: { redis: ['--appendonly', 'no'], env: { BATCHYARD_DURABILITY: 'ephemeral' } },
    run: killForgetful,
    ...base,
    forgets: true,
    recoversWithinMs: 10_000,
  },
  { name: 'all keys flushed', run: flushAll, ...base, forgets: true, recoversWithinMs: 10_000 },
  { name: 'Redis stopped for 1 s', run: (one) => stopRedis(one, 1_000), ...base, lastsMs: 1_000 },
  { name: 'Redis stopped for 5 s', run: (one) => stopRedis(one, 5_000), ...base, lastsMs: 5_000 },
  {
    name: 'Redis stopped for 40 s',
    run: (one) => stopRedis(one, 40_000),
    ...base,
    lastsMs: 40_000,
    long: true,
  },
  { name: 'slow script in Redis', run: slowScript, ...base, lastsMs: 2_000 },
  {
    name: 'Redis cannot write snapshots',
    world: { redis: [...WITH_FILE, '--dbfilename', BLOCKED] },
    run: snapshotsFail,
    ...base,
    lastsMs: 5_000,
  },
  { name: 'idle connections cut', run: cutIdle, ...base },
];
