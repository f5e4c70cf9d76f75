/**
 * (i) What the control plane costs, and what its death changes. Cost: CPU of an idle gateway with many workers, and the calls
 * of the steering to Redis, counted by MONITOR idle and under load. Death: the lease is given to a gateway that does not
 * exist, so that nobody steers, and taken away again, in turns; a closed loop goes on meanwhile.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

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

async function measureDeath(stage: Stage, served: Batchyard, redis: Redis): Promise<void> {
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
      figures.record(`control.${state}.rps`, '/s', rps);
      figures.record(`control.${state}.cpu_s_per_1000`, 's', cpuPer1000);
      say(`control ${state}: ${rps.toFixed(0)}/s, ${cpuPer1000.toFixed(3)} s of CPU per 1,000 requests`);
    }
  }
  await dies(redis, false);
  figures.record('control.dead.rps_ratio', 'x', median(rates.dead) / median(rates.alive));
  figures.record('control.dead.cpu_per_request_ratio', 'x', median(costs.dead) / median(costs.alive));
}

export async function runControlSuite(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const { workers, warmupMs, measureMs } = plan.control;
  say(`starting Batchyard with mid and ${workers} workers`);
  const served = await stage.batchyard('mid', { BATCHYARD_WORKERS: String(workers), BATCHYARD_THREADS: '1' });
  await until('all workers serve', async () => {
    const answer = (await (await fetch(`${served.ops}/v1/workers`)).json()) as { workers: { state: string }[] };
    return answer.workers.filter(({ state }) => state === 'serving').length === workers ? true : undefined;
  });
  const redis = connectRedis(served.redis, 'commands');
  await redis.connect();
  try {
    const gateways = served
      .processes()
      .filter(({ role }) => role === 'gateway')
      .map(({ pid }) => pid);
    const load = { connections: CONNECTIONS, mix: mixOf('mid', 'json'), warmupMs, measureMs };
    // A gateway that has just begun spends its time on compiling.
    await measureLoad(stage, served, load);
    const before = cpuSeconds(gateways);
    const idleMs = 4 * measureMs;
    await sleep(idleMs);
    const cpu = (1000 * (cpuSeconds(gateways) - before)) / idleMs;
    const idle = await controlCalls(served.redis, () => sleep(measureMs));
    const busy = await controlCalls(served.redis, () => measureLoad(stage, served, load));
    figures.record('control.gateway_idle_cpu', 'cores', cpu);
    figures.record('control.redis_calls_idle', '/s', idle);
    figures.record('control.redis_calls_loaded', '/s', busy);
    figures.record('control.redis_calls_ratio', 'x', busy / idle);
    say(
      `an idle gateway with ${workers} workers: ${(100 * cpu).toFixed(1)} % of a core; control calls ${idle.toFixed(1)}/s idle, ${busy.toFixed(1)}/s loaded`,
    );
    await measureDeath(stage, served, redis);
  } finally {
    redis.disconnect();
    await served.stop();
  }
}
