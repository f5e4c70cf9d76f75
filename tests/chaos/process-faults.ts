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
  lastsMs: ms,
});

/** Silent for so long that it is declared dead, although the first verdict fails; what it tells later is refused. */
async function stopUntilDead({ world, random }: Disturbance): Promise<void> {
  const failed = world.proxy.failNext('claimDead', 'LOADING Redis is loading the dataset in memory');
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

async function terminateWorker({ world, random }: Disturbance): Promise<void> {
  const pid = await busyWorker(world, random);
  process.kill(pid, 'SIGTERM');
  await gone(pid);
}

async function endGateway(world: World, signal: NodeJS.Signals): Promise<void> {
  const pid = await world.gatewayPid();
  process.kill(pid, signal);
  await gone(pid);
  await until('the gateway is back', async () =>
    (await fetch(`${world.system.url}/v2/health/live`)).status === 200 ? true : undefined,
  );
}

async function restartEverything({ world }: Disturbance): Promise<number> {
  const workers = await world.serving();
  for (const { pid } of workers) {
    process.kill(pid, 'SIGTERM');
    await gone(pid);
    await world.healthy(workers.length);
  }
  await endGateway(world, 'SIGTERM');
  await world.healthy(workers.length);
  await world.redis.shutdown();
  await world.redis.restart();
  await world.healthy(workers.length);
  return workers.length + 1;
}

/** Two more workers that nobody supervises, which are then told to go. */
async function scale({ world, recorder }: Disturbance): Promise<void> {
  const added = [world.addWorker(), world.addWorker()];
  await world.healthy(3);
  const goal = recorder.acks.length + 60;
  await until('three workers had work', async () => (recorder.acks.length >= goal ? true : undefined));
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
  {
    name: 'worker silent until dead',
    run: stopUntilDead,
    excuses: false,
    recoversWithinMs: WORKER_RECOVERY_MS,
    // Silent for ten seconds, and the failed verdict is not repeated for five.
    lastsMs: 15_000,
  },
  { name: 'worker drained', run: terminateWorker, excuses: false, recoversWithinMs: WORKER_RECOVERY_MS },
  {
    name: 'gateway killed',
    run: ({ world }) => endGateway(world, 'SIGKILL'),
    excuses: true,
    recoversWithinMs: GATEWAY_RECOVERY_MS,
  },
  {
    name: 'gateway stopped for 2 s',
    // When it goes on, what it asked Redis before has timed out, answered or not.
    run: async ({ world }) => stopFor(await world.gatewayPid(), 2_000),
    excuses: true,
    recoversWithinMs: GATEWAY_RECOVERY_MS,
    lastsMs: 2_000,
  },
  { name: 'rolling restart of everything', run: restartEverything, excuses: true, recoversWithinMs: 10_000 },
  { name: 'scale 1, 3, 1', workers: 1, run: scale, excuses: false, recoversWithinMs: WORKER_RECOVERY_MS },
];
