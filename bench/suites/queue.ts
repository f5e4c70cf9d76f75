/**
 * (a) A job's way through the queue without HTTP and model: add, take, finish with 3 KB of tensor, while as many
 * finished jobs lapse as are added. Ours, attached and durable, and BullMQ's addBulk + Worker take turns on one Redis
 * with an append-only file. The file is rewritten between the rounds, never in one.
 */
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';
import { shardPrefix } from '@batchyard/shared/contract/redis-keys';

import { startHelper, type Helper } from '../processes/helper.ts';
import type { ConsumerHandlers } from '../queue-load/batchyard-consumer.ts';
import type { ProducerHandlers } from '../queue-load/batchyard-producer.ts';
import type { LoadSettings } from '../queue-load/job-payload.ts';
import { startOwnRedis } from '../redis.ts';
import type { Stage } from '../stage.ts';

type Kind = LoadSettings['kind'];
type Side = { readonly producer: Helper<ProducerHandlers>; readonly consumer: Helper<ConsumerHandlers> };
/** CPU in µs a job, of the two client processes and of Redis. */
type Cost = { readonly jobsPerS: number; readonly clientUs: number; readonly redisUs: number };

const KINDS: readonly Kind[] = ['attached', 'durable', 'bullmq'];
/** Jobs in flight: enough to keep Redis busy, below the bound of a queue. */
const WINDOW = 1024;
const REWRITE_BYTES = 128 * 1_048_576;
const DRAIN_LIMIT_MS = 20_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function infoNumber(redis: Redis, section: string, field: string): Promise<number> {
  const text = await redis.info(section);
  return Number(new RegExp(`^${field}:(.*)\\r?$`, 'm').exec(text)?.[1]);
}

export async function redisCpuMicros(redis: Redis): Promise<number> {
  const text = await redis.info('cpu');
  const seconds = ['used_cpu_sys', 'used_cpu_user'].map((field) =>
    Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)?.[1]),
  );
  return 1e6 * seconds.reduce((sum, value) => sum + value, 0);
}

export async function rewriteFile(redis: Redis): Promise<void> {
  if ((await infoNumber(redis, 'persistence', 'aof_current_size')) < REWRITE_BYTES) return;
  await redis.bgrewriteaof();
  while (
    (await infoNumber(redis, 'persistence', 'aof_rewrite_in_progress')) === 1 ||
    (await infoNumber(redis, 'persistence', 'aof_rewrite_scheduled')) === 1
  ) {
    await sleep(20);
  }
}

async function startSide(stage: Stage, kind: Kind, redisUrl: string): Promise<Side> {
  const system = kind === 'bullmq' ? 'bullmq' : 'batchyard';
  const producer = startHelper<ProducerHandlers>(`queue-load/${system}-producer`);
  const consumer = startHelper<ConsumerHandlers>(`queue-load/${system}-consumer`);
  stage.cleanup.add(() => Promise.all([producer.stop(), consumer.stop()]));
  const settings = { redisUrl, kind, window: WINDOW, keepS: stage.plan.queue.keepS, queue: `bench-${kind}@1` };
  await Promise.all([producer.ask('prepare', settings), consumer.ask('prepare', settings)]);
  // An attached job's end reaches its gateway by the reply stream; of the others this process passes the word on.
  if (kind !== 'attached') {
    consumer.onNotice((jobs) => void producer.ask('credit', jobs).catch(() => undefined));
  }
  return { producer, consumer };
}

async function totals(side: Side, redis: Redis): Promise<{ at: number; jobs: number; client: number; redis: number }> {
  const [producer, consumer, redisMicros] = await Promise.all([
    side.producer.ask('sample'),
    side.consumer.ask('sample'),
    redisCpuMicros(redis),
  ]);
  const client = producer.cpuMicros + consumer.cpuMicros;
  return { at: performance.now(), jobs: consumer.jobs, client, redis: redisMicros };
}

async function measureRound(stage: Stage, side: Side, redis: Redis): Promise<Cost> {
  const { warmupMs, measureMs } = stage.plan.queue;
  await side.producer.ask('start');
  await sleep(warmupMs);
  const before = await totals(side, redis);
  await sleep(measureMs);
  const after = await totals(side, redis);
  const added = await side.producer.ask('stop');
  const limit = Date.now() + DRAIN_LIMIT_MS;
  while ((await side.consumer.ask('sample')).jobs < added) {
    if (Date.now() > limit) throw new Error('the queue did not drain: jobs were lost');
    await sleep(10);
  }
  const jobs = after.jobs - before.jobs;
  if (jobs === 0) throw new Error('no job was finished');
  return {
    jobsPerS: (1000 * jobs) / (after.at - before.at),
    clientUs: (after.client - before.client) / jobs,
    redisUs: (after.redis - before.redis) / jobs,
  };
}

function recordRound({ figures }: Stage, costs: ReadonlyMap<Kind, Cost>): void {
  for (const [kind, cost] of costs) {
    figures.record(`queue.${kind}.jobs_per_s`, '/s', cost.jobsPerS);
    figures.record(`queue.${kind}.client_us_per_job`, 'µs', cost.clientUs);
    figures.record(`queue.${kind}.redis_us_per_job`, 'µs', cost.redisUs);
    if (kind === 'attached') figures.record('queue.redis_us_per_job', 'µs', cost.redisUs);
  }
  const theirs = costs.get('bullmq');
  for (const kind of ['attached', 'durable'] as const) {
    const ours = costs.get(kind);
    if (!ours || !theirs) continue;
    const ratio = (theirs.clientUs + theirs.redisUs) / (ours.clientUs + ours.redisUs);
    figures.record(`queue.${kind}.cpu_vs_bullmq`, 'x', ratio);
    figures.record(`queue.${kind}.rate_vs_bullmq`, 'x', ours.jobsPerS / theirs.jobsPerS);
  }
}

export async function runQueueSuite(stage: Stage): Promise<void> {
  const server = await startOwnRedis();
  stage.cleanup.add(() => server.stop());
  const redis = connectRedis(server.url, 'commands', { commandTimeout: 10_000 });
  await redis.connect();
  await redis.config('SET', 'appendfsync', 'everysec');
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0');
  await redis.del(`${shardPrefix(0)}:x:queues`);
  const started = KINDS.map(async (kind) => [kind, await startSide(stage, kind, server.url)] as const);
  const sides = new Map(await Promise.all(started));
  for (let round = 1; round <= stage.plan.queue.rounds; round += 1) {
    const costs = new Map<Kind, Cost>();
    for (const [kind, side] of sides) {
      await rewriteFile(redis);
      costs.set(kind, await measureRound(stage, side, redis));
      const { jobsPerS, clientUs, redisUs } = costs.get(kind) as Cost;
      const us = `${clientUs.toFixed(0)} + ${redisUs.toFixed(0)} µs`;
      stage.say(`queue ${round}: ${kind} ${jobsPerS.toFixed(0)} jobs/s, client + Redis ${us} a job`);
    }
    recordRound(stage, costs);
  }
  for (const { producer, consumer } of sides.values()) await Promise.all([producer.stop(), consumer.stop()]);
  redis.disconnect();
  await server.stop();
}
