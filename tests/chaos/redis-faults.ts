/** Faults of a Redis that goes on: clients paused or thrown out, commands refused, replies lost. */
import { setTimeout as lasting } from 'node:timers/promises';

import { until } from '../support/system.ts';
import type { Armed } from './fault-proxy.ts';
import { nextSeed } from './load.ts';
import { busyWorker } from './process-faults.ts';
import type { Disturbance, Fault } from './scenario.ts';

const REDIS_RECOVERY_MS = 5_000;

async function pauseClients({ world }: Disturbance): Promise<void> {
  await world.admin.call('CLIENT', 'PAUSE', 2_000, 'ALL');
  await world.admin.ping();
}

const KICKS = 10;
const KICK_EVERY_MS = 200;

async function killClients({ world }: Disturbance): Promise<number> {
  for (let i = 0; i < KICKS; i += 1) {
    await world.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await lasting(KICK_EVERY_MS);
  }
  return KICKS;
}

async function flushScripts({ world }: Disturbance): Promise<void> {
  for (let i = 0; i < 5; i += 1) {
    await world.admin.script('FLUSH');
    await lasting(100);
  }
}

const REFUSALS = {
  READONLY: "READONLY You can't write against a read only replica.",
  LOADING: 'LOADING Redis is loading the dataset in memory',
  MISCONF: 'MISCONF Redis is configured to save RDB snapshots, but is currently unable to persist to disk.',
  NOREPLICAS: 'NOREPLICAS Not enough good replicas to write.',
  OOM: "OOM command not allowed when used memory > 'maxmemory'.",
  BUSY: 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
} as const;

/** What a loaded system sends by itself within seconds. */
const STEADY = ['addMany', 'takeMany', 'finishMany', 'checkIn', 'sweep', 'recoverLapsed'];
/** Commands beside the scripts. */
const COMMANDS = ['SET', 'BZPOPMIN', 'XREAD', 'HKEYS', 'HMGET'];
/** Renewing comes every ten seconds, and only from a worker that holds something at that moment. */
const HIT_LIMIT_MS = 60_000;
const ENOUGH_TO_HOLD = 8;

/** What makes the system send this script, where the load alone does not. */
const CAUSES: Readonly<Record<string, (disturbance: Disturbance) => Promise<unknown>>> = {
  async cancel({ recorder }) {
    const controller = new AbortController();
    const asked = recorder.infer('slow', nextSeed(), { signal: controller.signal });
    await lasting(2);
    controller.abort();
    await asked;
  },
  async watch({ recorder }) {
    const id = await recorder.submit('slow', nextSeed());
    if (id !== undefined) await recorder.look(id);
  },
  async renewMany({ recorder }) {
    const submitted = Array.from({ length: ENOUGH_TO_HOLD }, () => recorder.submit('slow', nextSeed()));
    await Promise.all([...submitted, lasting(20)]);
  },
  failMany: ({ recorder }) => recorder.submit('poison', nextSeed(), { mayFail: 'model_error' }),
  async releaseWorker({ world, random }) {
    process.kill(await busyWorker(world, random), 'SIGKILL');
  },
};

async function untilHit(name: string, armed: Armed, cause?: () => Promise<unknown>): Promise<void> {
  try {
    await until(
      `${name} is hit`,
      async () => {
        if (!armed.happened() && cause) await cause();
        return armed.happened() ? true : undefined;
      },
      HIT_LIMIT_MS,
    );
  } finally {
    armed.disarm();
  }
}

/** Each script and each other command is refused in each of these ways once, all of them side by side. */
async function refuseEach(disturbance: Disturbance, refusals: readonly string[]): Promise<number> {
  const { proxy } = disturbance.world;
  async function refuse(name: string, cause?: () => Promise<unknown>): Promise<void> {
    const ways = name === 'renewMany' ? refusals.slice(0, 1) : refusals;
    for (const refusal of ways) await untilHit(name, proxy.failNext(name, refusal), cause);
  }
  // The death of a worker happens once: a cause is otherwise repeated until it had its effect.
  const { releaseWorker, ...repeatable } = CAUSES;
  const released = refuse('releaseWorker');
  await releaseWorker?.(disturbance);
  const caused = Object.entries(repeatable).map(([name, cause]) => refuse(name, () => cause(disturbance)));
  await Promise.all([released, ...caused, ...[...STEADY, ...COMMANDS].map((name) => refuse(name))]);
  return 2;
}

/** The reply of each script is lost once, with its connection, one after the other. */
async function dropEach(disturbance: Disturbance): Promise<number> {
  const { proxy } = disturbance.world;
  for (const name of [...STEADY, ...COMMANDS]) await untilHit(name, proxy.dropNext(name));
  const { releaseWorker, ...repeatable } = CAUSES;
  for (const [name, cause] of Object.entries(repeatable))
    await untilHit(name, proxy.dropNext(name), () => cause(disturbance));
  const release = proxy.dropNext('releaseWorker');
  await releaseWorker?.(disturbance);
  await untilHit('releaseWorker', release);
  return STEADY.length + COMMANDS.length + Object.keys(CAUSES).length;
}

/** Three batches are taken whose worker never hears of it. */
async function dropTakes({ world, recorder }: Disturbance): Promise<number> {
  const times = 3;
  for (let i = 0; i < times; i += 1) {
    const goal = recorder.acks.length + 5;
    await untilHit('takeMany', world.proxy.dropNext('takeMany'));
    await until('the load goes on', async () => (recorder.acks.length >= goal ? true : undefined));
  }
  return times;
}

const base = { excuses: true, recoversWithinMs: REDIS_RECOVERY_MS } as const;

export const REDIS_FAULTS: readonly Fault[] = [
  { name: 'clients paused for 2 s', run: pauseClients, ...base, lastsMs: 2_000 },
  { name: 'clients killed each 200 ms', run: killClients, ...base },
  ...Object.entries(REFUSALS).map(([name, refusal]): Fault => {
    return { name: `${name} once on every script`, run: (one) => refuseEach(one, [refusal]), ...base };
  }),
  { name: 'every error once on every script', run: (one) => refuseEach(one, Object.values(REFUSALS)), ...base },
  { name: 'reply of every script lost', run: dropEach, ...base },
  { name: 'reply of takeMany lost', run: dropTakes, ...base },
  { name: 'scripts flushed', run: flushScripts, ...base, excuses: false },
];
