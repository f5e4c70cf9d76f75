/**
 * (i) What the control plane costs, and what its death changes. Cost: CPU of an idle gateway with many workers, and the calls
 * of the steering to Redis, counted by MONITOR idle and under load. Death: the lease is given to a gateway that does not
 * exist, so that nobody steers, and taken away again, in turns; a closed loop goes on meanwhile. That is compared with one
 * worker for each core, as a machine should have, and, as `crowded`, with many: there the steering lets some rest, which is
 * lost without it.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';

import { balancerKey, directiveKey, drainsKey, steeringKey } from '@batchyard/shared/contract/redis-keys';
import { SCRIPTS } from '@batchyard/queue/scripts';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { until } from '../../tests/support/system.ts';
import type { Batchyard } from '../batchyard.ts';
import { cpuSeconds } from '../processes/tree.ts';
import { median } from '../statistics.ts';
import type { Stage } from '../stage.ts';
import { measureLoad, mixOf } from './http.ts';

const PREFIX = '{by0}';
const CONNECTIONS = 64;
const NOBODY = 'nobody';
const DEAD_MS = 600_000;
/** Directives live so long after the last turn. */
const EXPIRED_LIMIT_MS = 15_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls a second that belong to the steering: check-ins, turns, and what people wish; told by MONITOR. */
async function controlCalls(url: string, work: () => Promise<unknown>): Promise<number> {
  const words = [SCRIPTS.checkIn.sha, SCRIPTS.steer.sha, balancerKey(PREFIX), drainsKey(PREFIX)];
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let calls = 0;
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\r\n');
    rest = lines.pop() ?? '';
    // What a script does itself is told with `lua` as its source.
    calls += lines.filter(
      (line) => !line.includes(' lua] ') && words.some((word) => line.includes(`"${word}"`)),
    ).length;
  });
  await once(socket, 'connect');
  socket.write('MONITOR\r\n');
  const from = performance.now();
  await work();
  socket.destroy();
  return (1000 * calls) / (performance.now() - from);
}

async function dies(redis: Redis, isDead: boolean): Promise<void> {
  if (isDead) await redis.set(steeringKey(PREFIX), NOBODY, 'PX', DEAD_MS);
  else await redis.del(steeringKey(PREFIX));
  await until(
    isDead ? 'no directive is left' : 'somebody steers',
    async () => {
      const directives = await redis.keys(directiveKey(PREFIX, '*'));
      return (directives.length === 0) === isDead ? true : undefined;
    },
    EXPIRED_LIMIT_MS,
  );
}

async function measureDeath(stage: Stage, served: Batchyard, redis: Redis, name: string): Promise<void> {
  const { figures, plan, say } = stage;
  const rates = { alive: [] as number[], dead: [] as number[] };
  const costs = { alive: [] as number[], dead: [] as number[] };
  for (let round = 0; round < plan.control.rounds; round += 1) {
    // Each goes first in its turn.
    for (const state of round % 2 === 0 ? (['alive', 'dead'] as const) : (['dead', 'alive'] as const)) {
      await dies(redis, state === 'dead');
      const load = { connections: CONNECTIONS, mix: mixOf('mid', 'json'), ...plan.control };
      const { rps, cpuPer1000 } = await measureLoad(stage, served, load);
      rates[state].push(rps);
      costs[state].push(cpuPer1000);
      figures.record(`${name}.${state}.rps`, '/s', rps);
      figures.record(`${name}.${state}.cpu_s_per_1000`, 's', cpuPer1000);
      say(`${name} ${state}: ${rps.toFixed(0)}/s, ${cpuPer1000.toFixed(3)} s of CPU per 1,000 requests`);
    }
  }
  await dies(redis, false);
  figures.record(`${name}.dead.rps_ratio`, 'x', median(rates.dead) / median(rates.alive));
  figures.record(`${name}.dead.cpu_per_request_ratio`, 'x', median(costs.dead) / median(costs.alive));
}

async function startWith(stage: Stage, workers: number): Promise<{ served: Batchyard; redis: Redis }> {
  stage.say(`starting Batchyard with mid and ${workers} workers`);
  const served = await stage.batchyard('mid', { BATCHYARD_WORKERS: String(workers), BATCHYARD_THREADS: '1' });
  await until('all workers serve', async () => {
    const answer = (await (await fetch(`${served.ops}/v1/workers`)).json()) as { workers: { state: string }[] };
    return answer.workers.filter(({ state }) => state === 'serving').length === workers ? true : undefined;
  });
  const redis = connectRedis(served.redis, 'commands');
  await redis.connect();
  return { served, redis };
}

async function measureCost(stage: Stage, served: Batchyard): Promise<void> {
  const { figures, say } = stage;
  const { warmupMs, measureMs } = stage.plan.control;
  const gateways = served
    .processes()
    .filter(({ role }) => role === 'gateway')
    .map(({ pid }) => pid);
  const load = { connections: CONNECTIONS, mix: mixOf('mid', 'json'), warmupMs, measureMs };
  const underLoad = () => measureLoad(stage, served, load);
  // A gateway that has just begun spends its time on compiling.
  await underLoad();
  const before = cpuSeconds(gateways);
  const idleMs = 4 * measureMs;
  await sleep(idleMs);
  const cpu = (1000 * (cpuSeconds(gateways) - before)) / idleMs;
  const idle = await controlCalls(served.redis, () => sleep(measureMs));
  const busy = await controlCalls(served.redis, underLoad);
  figures.record('control.gateway_idle_cpu', 'cores', cpu);
  figures.record('control.redis_calls_idle', '/s', idle);
  figures.record('control.redis_calls_loaded', '/s', busy);
  figures.record('control.redis_calls_ratio', 'x', busy / idle);
  const calls = `control calls ${idle.toFixed(1)}/s idle, ${busy.toFixed(1)}/s loaded`;
  say(`an idle gateway: ${(100 * cpu).toFixed(1)} % of a core; ${calls}`);
}

export async function runControlSuite(stage: Stage): Promise<void> {
  const many = await startWith(stage, stage.plan.control.workers);
  try {
    await measureCost(stage, many.served);
    await measureDeath(stage, many.served, many.redis, 'control.crowded');
  } finally {
    many.redis.disconnect();
    await many.served.stop();
  }
  const few = await startWith(stage, availableParallelism());
  try {
    await measureDeath(stage, few.served, few.redis, 'control');
  } finally {
    few.redis.disconnect();
    await few.served.stop();
  }
}
