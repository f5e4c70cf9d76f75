/** Faults of workers and gateways: killed, stopped, drained, restarted, more and fewer of them. */
import { once } from 'node:events';
import { setTimeout as lasting } from 'node:timers/promises';

import { until } from '../support/system.ts';
import { nextSeed } from './load.ts';
import type { Random } from './random.ts';
import type { Disturbance, Fault } from './scenario.ts';
import { alive, type World } from './world.ts';

const WORKER_RECOVERY_MS = 5_000;
/** A killed gateway takes its clients' connections with it; the supervisor starts the next one at once. */
const GATEWAY_RECOVERY_MS = 5_000;
/** After this long a worker that still has its connection is dead, give or take a turn of the gateway. */
const SILENCE_MS = 11_500;
const QUEUES = ['slow@1', 'simple@1'];

async function gone(pid: number): Promise<void> {
  await until(`process ${pid} has ended`, async () => (alive(pid) ? undefined : true), 26_000);
}

/** A worker whose token owns a job of the active list at this moment. */
export async function busyWorker({ admin, serving }: World, random: Random): Promise<number> {
  const lines = await serving();
  return until('a worker is in the middle of a batch', async () => {
    const queue = random.pick(QUEUES);
    const active = await admin.lrange(`{by0}:${queue}:active`, 0, 0);
    const owner = active[0] === undefined ? null : await admin.hget(`{by0}:${queue}:${active[0]}`, 'pb');
    return lines.find(({ id, pid }) => owner?.startsWith(`${id}:`) && alive(pid))?.pid;
  });
}

/** So many jobs at once that they are still there when the worker dies. */
const BURST = 80;

async function killWorker({ world, random, recorder, struck }: Disturbance): Promise<void> {
  const burst = Array.from({ length: BURST }, () => recorder.submit('slow', nextSeed()));
  process.kill(await busyWorker(world, random), 'SIGKILL');
  struck();
  await Promise.all(burst);
}

async function killAllWorkers({ world, struck }: Disturbance): Promise<void> {
  for (const { pid } of await world.serving()) process.kill(pid, 'SIGKILL');
  struck();
}

/** Stopped as by a debugger or a frozen machine, then it goes on as if nothing had been. */
async function stopFor(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  try {
    await lasting(ms);
  } finally {
    if (alive(pid)) process.kill(pid, 'SIGCONT');
  }
}

const stopWorker = (ms: number): Fault => ({
  name: `worker stopped for ${ms / 1000} s`,
  run: async ({ world, random }) => stopFor(await busyWorker(world, random), ms),
  excuses: false,
  recoversWithinMs: WORKER_RECOVERY_MS,
  // Past this silence its jobs run elsewhere, and what it tells later is refused.
  lastsMs: Math.min(ms, SILENCE_MS),
});

/** Silent for so long that it is declared dead, although the first verdict fails; what it tells later is refused. */
async function stopUntilDead({ world, random }: Disturbance): Promise<void> {
  const failed = world.proxy.failNext('claimDead', "READONLY You can't write against a read only replica.");
  const pid = await busyWorker(world, random);
  process.kill(pid, 'SIGSTOP');
  try {
    await failed.hit;
    await until('it is no longer listed', async () =>
      (await world.system.workers()).some((worker) => worker.pid === pid) ? undefined : true,
    );
  } finally {
    failed.disarm();
    process.kill(pid, 'SIGCONT');
  }
}

const EXIT = 'from SIGTERM to the exit of a';

async function terminateWorker({ world, random, measured }: Disturbance): Promise<void> {
  const pid = await busyWorker(world, random);
  const since = Date.now();
  process.kill(pid, 'SIGTERM');
  await gone(pid);
  measured(`${EXIT} worker`, Date.now() - since);
}

/** Told to end, and before it has, Redis is gone. */
async function terminateWithoutRedis({ world, random, measured }: Disturbance): Promise<void> {
  const pid = await busyWorker(world, random);
  const since = Date.now();
  process.kill(pid, 'SIGTERM');
  await world.redis.kill9();
  await gone(pid);
  measured(`${EXIT} worker without Redis`, Date.now() - since);
  await world.redis.restart();
}

/** A new worker of the supervisor, the moment that it is there. */
export async function newWorker(world: World, known: readonly number[]): Promise<number> {
  return until('a worker is started again', async () => world.workerPids().find((pid) => !known.includes(pid)));
}

/** Killed, and then each time again before it serves: once more would be given up. */
async function crashLoop({ world, random, struck }: Disturbance): Promise<void> {
  const deaths = 4;
  const known = world.workerPids();
  process.kill(await busyWorker(world, random), 'SIGKILL');
  struck();
  for (let i = 0; i < deaths; i += 1) {
    const pid = await newWorker(world, known);
    known.push(pid);
    process.kill(pid, 'SIGKILL');
  }
}

/** The next worker stands still in the middle of its start. */
async function hangAtStart({ world, random, struck }: Disturbance): Promise<void> {
  const known = world.workerPids();
  process.kill(await busyWorker(world, random), 'SIGKILL');
  struck();
  await stopFor(await newWorker(world, known), 5_000);
}

/** A batch that it holds may last for all of this. */
const SLOW_MS = 5_000;

/** Nine tenths of the time it is not let run. */
async function slowDown({ world, random }: Disturbance): Promise<void> {
  const pid = await busyWorker(world, random);
  const enough = Date.now() + SLOW_MS;
  while (Date.now() < enough) {
    await stopFor(pid, 90);
    await lasting(10);
  }
}

type Verbose = { readonly detail?: unknown; readonly steers?: boolean };
const steers = async (ops: string): Promise<boolean> =>
  ((await (await fetch(`${ops}/readyz?verbose`)).json()) as Verbose).steers === true;

/** Of two gateways the one is killed that steers the fleet. */
async function killSteering({ world, measured }: Disturbance): Promise<void> {
  const other = await world.addGateway();
  const all = [
    { ops: world.system.ops, pid: () => world.gatewayPid() },
    { ops: other.ops, pid: async () => other.child.pid ?? 0 },
  ];
  const holder = await until('both are there and one steers', async () => {
    const holds = await Promise.all(all.map(({ ops }) => steers(ops)));
    return all[holds.indexOf(true)];
  });
  const pid = await holder.pid();
  const since = Date.now();
  process.kill(pid, 'SIGKILL');
  // The other one, or the successor of the dead, if that is there sooner than the lease lapses.
  await until('another one steers', async () => {
    const holds = await Promise.all(all.map(({ ops }) => steers(ops).catch(() => false)));
    return holds.includes(true) ? true : undefined;
  });
  measured('from the death of the steering gateway to the next', Date.now() - since);
  await gone(pid);
  await world.healthy(2);
  other.child.kill('SIGKILL');
}

async function endGateway({ world, measured }: Disturbance, signal: NodeJS.Signals): Promise<void> {
  const pid = await world.gatewayPid();
  const since = Date.now();
  process.kill(pid, signal);
  await gone(pid);
  if (signal === 'SIGTERM') measured(`${EXIT} gateway`, Date.now() - since);
  await until('the gateway is back', async () =>
    (await fetch(`${world.system.url}/v2/health/live`)).status === 200 ? true : undefined,
  );
}

async function restartEverything(disturbance: Disturbance): Promise<number> {
  const { world } = disturbance;
  const workers = await world.serving();
  for (const { pid } of workers) {
    process.kill(pid, 'SIGTERM');
    await gone(pid);
    await world.healthy(workers.length);
  }
  await endGateway(disturbance, 'SIGTERM');
  await world.healthy(workers.length);
  await world.redis.shutdown();
  await world.redis.restart();
  await world.healthy(workers.length);
  return workers.length + 1;
}

/** Seven more workers that nobody supervises, which are then told to go. */
async function scale({ world, recorder }: Disturbance): Promise<void> {
  const added = Array.from({ length: 7 }, () => world.addWorker());
  await world.healthy(8);
  const goal = recorder.acks.length + 60;
  await until('eight workers had work', async () => (recorder.acks.length >= goal ? true : undefined));
  for (const child of added) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}

export const PROCESS_FAULTS: readonly Fault[] = [
  { name: 'worker killed', run: killWorker, excuses: false, recoversWithinMs: WORKER_RECOVERY_MS },
  { name: 'all workers killed', run: killAllWorkers, excuses: true, recoversWithinMs: WORKER_RECOVERY_MS },
  stopWorker(1_000),
  stopWorker(5_000),
  { ...stopWorker(40_000), long: true },
  {
    name: 'worker silent until dead',
    run: stopUntilDead,
    excuses: false,
    recoversWithinMs: WORKER_RECOVERY_MS,
    // Silent for ten seconds, and the failed verdict is not repeated for two.
    lastsMs: SILENCE_MS + 2_500,
  },
  { name: 'worker drained', run: terminateWorker, excuses: false, recoversWithinMs: WORKER_RECOVERY_MS },
  {
    name: 'gateway killed',
    run: (one) => endGateway(one, 'SIGKILL'),
    excuses: true,
    recoversWithinMs: GATEWAY_RECOVERY_MS,
  },
  {
    name: 'gateway drained',
    run: (one) => endGateway(one, 'SIGTERM'),
    excuses: true,
    recoversWithinMs: GATEWAY_RECOVERY_MS,
  },
  { name: 'steering gateway killed', run: killSteering, excuses: true, recoversWithinMs: GATEWAY_RECOVERY_MS },
  {
    name: 'gateway stopped for 2 s',
    // When it goes on, what it asked Redis before has timed out, answered or not.
    run: async ({ world }) => stopFor(await world.gatewayPid(), 2_000),
    excuses: true,
    recoversWithinMs: GATEWAY_RECOVERY_MS,
    lastsMs: 2_000,
  },
  { name: 'rolling restart of everything', run: restartEverything, excuses: true, recoversWithinMs: 10_000 },
  {
    name: 'worker drained while Redis dies',
    run: terminateWithoutRedis,
    excuses: true,
    recoversWithinMs: WORKER_RECOVERY_MS,
    lastsMs: 25_000,
  },
  { name: 'worker in a crash loop', run: crashLoop, excuses: false, recoversWithinMs: WORKER_RECOVERY_MS },
  { name: 'worker hangs at its start', run: hangAtStart, excuses: false, recoversWithinMs: WORKER_RECOVERY_MS },
  {
    name: 'worker ten times slower',
    run: slowDown,
    excuses: false,
    recoversWithinMs: WORKER_RECOVERY_MS,
    lastsMs: SLOW_MS,
  },
  {
    name: 'scale 1 to 8 to 1',
    world: { workers: 1 },
    run: scale,
    excuses: false,
    recoversWithinMs: WORKER_RECOVERY_MS,
  },
];
