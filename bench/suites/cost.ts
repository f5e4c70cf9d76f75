/**
 * (f) Whether a job's way through the queue costs the same however much is there: CPU of Redis and of the clients a job
 * against the jobs that wait, the finished jobs that are kept, and the workers that take. Batches are full throughout,
 * because a call costs less a job the more it carries; deadlines and retention lie beyond the end of each measurement.
 * Several workers are steered by the product's own decisions, as a gateway would.
 */
import { queueBase, shardPrefix } from '@batchyard/shared/contract/redis-keys';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { startHelper, type Helper } from '../processes/helper.ts';
import type { SteeredHandlers } from '../queue-load/batchyard-consumer.ts';
import type { ProducerHandlers } from '../queue-load/batchyard-producer.ts';
import { CONSUMER_ROWS, JOBS_PER_CALL, type LoadSettings } from '../queue-load/job-payload.ts';
import { commandsPerJob, parseCommandCosts, slowerBy, sumOf, type CommandCosts } from '../cost/command-costs.ts';
import { createConsumerSteering } from '../cost/steer-consumers.ts';
import { startOwnRedis } from '../redis.ts';
import type { Stage } from '../stage.ts';
import { redisCpuMicros, rewriteFile } from './queue.ts';

type Side = {
  readonly producer: Helper<ProducerHandlers>;
  readonly consumers: readonly Helper<SteeredHandlers>[];
  /** Lets the consumers take. */
  begin(): Promise<void>;
};
/** CPU µs a job. */
type Cost = {
  readonly redisUs: number;
  readonly clientUs: number;
  readonly jobsPerS: number;
  readonly rowsPerBatch: number;
  readonly takesPerBatch: number;
  /** Of Redis, for a job. */
  readonly commands: CommandCosts;
};
type Measuring = { readonly stage: Stage; readonly redis: Redis; readonly redisUrl: string };

const QUEUE = 'bench-cost@1';
const BASE = queueBase(shardPrefix(0), QUEUE);
/** Beside what waits: a call of jobs that are being added and two batches that run. */
const IN_HAND = JOBS_PER_CALL + 2 * CONSUMER_ROWS;
/** Enough for eight workers to find full batches. */
const WORKERS_WINDOW = 2_048;
/** Between two turns of the steering, and until the second one is followed. */
const TURN_MS = 1_000;
const STEERED_MS = 2_200;
const KEEP_S = 3_600;
const FILL_LIMIT_MS = 90_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function startSide(
  { stage, redisUrl }: Measuring,
  kind: 'attached' | 'durable',
  window: number,
  workers: number,
): Promise<Side> {
  const producer = startHelper<ProducerHandlers>('queue-load/batchyard-producer');
  const consumers = Array.from({ length: workers }, () =>
    startHelper<SteeredHandlers>('queue-load/batchyard-consumer'),
  );
  const all = [producer, ...consumers];
  stage.cleanup.add(() => Promise.all(all.map((helper) => helper.stop())));
  // No class may fill more than its share of the places.
  const settings: LoadSettings & { queue: string } = {
    redisUrl,
    kind,
    window,
    keepS: KEEP_S,
    queue: QUEUE,
    maxWaiting: 2 * window,
  };
  await producer.ask('prepare', settings);
  for (const consumer of consumers) {
    if (kind === 'durable') consumer.onNotice((jobs) => void producer.ask('credit', jobs).catch(() => undefined));
  }
  const begin = async (): Promise<void> => {
    await Promise.all(consumers.map((consumer) => consumer.ask('prepare', settings)));
  };
  return { producer, consumers, begin };
}

const stopSide = ({ producer, consumers }: Side): Promise<unknown> =>
  Promise.all([producer, ...consumers].map((helper) => helper.stop()));

async function totals({ redis }: Measuring, { producer, consumers }: Side) {
  const samples = await Promise.all(consumers.map((consumer) => consumer.ask('sample')));
  const [client, redisMicros, commands] = await Promise.all([
    producer.ask('sample'),
    redisCpuMicros(redis),
    redis.info('commandstats').then(parseCommandCosts),
  ]);
  return {
    at: performance.now(),
    jobs: samples.reduce((sum, { jobs }) => sum + jobs, 0),
    takes: samples.reduce((sum, { takes }) => sum + takes, 0),
    batches: samples.reduce((sum, { batches }) => sum + batches, 0),
    client: samples.reduce((sum, { cpuMicros }) => sum + cpuMicros, client.cpuMicros),
    redis: redisMicros,
    commands,
  };
}

async function measureCost(measuring: Measuring, side: Side): Promise<Cost> {
  const before = await totals(measuring, side);
  await sleep(measuring.stage.plan.cost.measureMs);
  const after = await totals(measuring, side);
  const jobs = after.jobs - before.jobs;
  if (jobs === 0) {
    // Says why nothing was added, where that is the reason.
    await side.producer.ask('stop');
    throw new Error('no job was finished');
  }
  return {
    redisUs: (after.redis - before.redis) / jobs,
    clientUs: (after.client - before.client) / jobs,
    jobsPerS: (1000 * jobs) / (after.at - before.at),
    rowsPerBatch: jobs / (after.batches - before.batches),
    takesPerBatch: (after.takes - before.takes) / (after.batches - before.batches),
    commands: commandsPerJob(before.commands, after.commands, jobs),
  };
}

async function reach(redis: Redis, set: string, count: number): Promise<void> {
  const limit = Date.now() + FILL_LIMIT_MS;
  while ((await redis.zcard(`${BASE}${set}`)) < count) {
    if (Date.now() > limit) throw new Error(`${set} did not reach ${count}`);
    await sleep(10);
  }
}

/** Everything starts from an empty Redis and fresh processes. */
async function fresh(measuring: Measuring): Promise<void> {
  await measuring.redis.flushall();
  await rewriteFile(measuring.redis);
}

async function costAtDepth(measuring: Measuring, depth: number): Promise<Cost> {
  await fresh(measuring);
  const side = await startSide(measuring, 'attached', depth + IN_HAND, 1);
  await side.producer.ask('start');
  await reach(measuring.redis, 'prioritized', depth);
  await side.begin();
  await sleep(measuring.stage.plan.cost.warmupMs);
  const cost = await measureCost(measuring, side);
  await stopSide(side);
  return cost;
}

/** As the gateway that holds the lease does it, until it is ended. */
function steer({ consumers }: Side): () => void {
  const steering = createConsumerSteering(QUEUE);
  const turn = async (): Promise<void> => {
    const samples = await Promise.all(consumers.map((consumer) => consumer.ask('sample')));
    const rests = steering.turn(samples, performance.now());
    await Promise.all(consumers.map((consumer, i) => consumer.ask('rest', rests[i])));
  };
  // Consumers that are stopped answer no more.
  const timer = setInterval(() => void turn().catch(() => undefined), TURN_MS);
  return () => clearInterval(timer);
}

async function costWithWorkers(measuring: Measuring, workers: number): Promise<Cost> {
  await fresh(measuring);
  const side = await startSide(measuring, 'attached', WORKERS_WINDOW, workers);
  await side.begin();
  await side.producer.ask('start');
  const stopSteering = steer(side);
  await sleep(STEERED_MS + measuring.stage.plan.cost.warmupMs);
  const cost = await measureCost(measuring, side);
  stopSteering();
  await stopSide(side);
  return cost;
}

/** One run that is measured as it passes each number: nothing is let go, so that all do the same work. */
async function costsKept(measuring: Measuring, levels: readonly number[]): Promise<Cost[]> {
  await fresh(measuring);
  const side = await startSide(measuring, 'durable', WORKERS_WINDOW, 1);
  await side.begin();
  await side.producer.ask('start');
  await sleep(measuring.stage.plan.cost.warmupMs);
  const added = await side.producer.ask('stop');
  await reach(measuring.redis, 'completed', added);
  // What the warm-up has finished goes; nothing else is there.
  await measuring.redis.flushall();
  await side.producer.ask('start');
  const costs: Cost[] = [];
  for (const level of levels) {
    await reach(measuring.redis, 'completed', level);
    costs.push(await measureCost(measuring, side));
  }
  await stopSide(side);
  return costs;
}

/** Against the shallowest: what is left when Redis is forgiven that the same commands take longer. */
function recordDepths(stage: Stage, depths: readonly number[], costs: readonly Cost[]): void {
  record(stage, 'depth', depths, costs);
  const [first] = costs;
  if (!first) return;
  for (const [i, { redisUs, clientUs, commands }] of costs.entries()) {
    const name = `cost.depth.${depths[i]}`;
    stage.figures.record(`${name}.commands`, '', sumOf(commands, 'calls'));
    stage.figures.record(`${name}.commands_us`, 'µs', sumOf(commands, 'us'));
    if (i === 0) continue;
    const own = redisUs + clientUs - slowerBy(first.commands, commands);
    stage.figures.record(`${name}.own_ratio`, 'x', own / (first.redisUs + first.clientUs));
  }
}

function record({ figures, say }: Stage, axis: string, levels: readonly number[], costs: readonly Cost[]): void {
  const total = (cost: Cost): number => cost.redisUs + cost.clientUs;
  const [first] = costs;
  if (!first) return;
  for (const [i, cost] of costs.entries()) {
    const name = `cost.${axis}.${levels[i]}`;
    figures.record(`${name}.redis_us`, 'µs', cost.redisUs);
    figures.record(`${name}.client_us`, 'µs', cost.clientUs);
    figures.record(`${name}.jobs_per_s`, '/s', cost.jobsPerS);
    figures.record(`${name}.rows_per_batch`, '', cost.rowsPerBatch);
    figures.record(`${name}.takes_per_batch`, '', cost.takesPerBatch);
    if (i === 0) continue;
    figures.record(`${name}.redis_ratio`, 'x', cost.redisUs / first.redisUs);
    figures.record(`${name}.ratio`, 'x', total(cost) / total(first));
  }
  const each = costs.map((cost, i) => `${levels[i]}: ${cost.redisUs.toFixed(0)} + ${cost.clientUs.toFixed(0)} µs`);
  say(`cost by ${axis}, Redis + clients a job: ${each.join(', ')}`);
}

export async function runCostSuite(stage: Stage): Promise<void> {
  const { rounds, depths, kept, workers } = stage.plan.cost;
  const server = await startOwnRedis();
  stage.cleanup.add(() => server.stop());
  const redis = connectRedis(server.url, 'commands', { commandTimeout: 30_000 });
  await redis.connect();
  await redis.config('SET', 'appendfsync', 'everysec');
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0');
  const measuring = { stage, redis, redisUrl: server.url };
  const inTurn = async <T>(levels: readonly number[], cost: (level: number) => Promise<T>): Promise<T[]> => {
    const costs: T[] = [];
    for (const level of levels) costs.push(await cost(level));
    return costs;
  };
  for (let round = 1; round <= rounds; round += 1) {
    const byDepth = await inTurn(depths, (depth) => costAtDepth(measuring, depth));
    recordDepths(stage, depths, byDepth);
    record(stage, 'kept', kept, await costsKept(measuring, kept));
    const byWorkers = await inTurn(workers, (count) => costWithWorkers(measuring, count));
    record(stage, 'workers', workers, byWorkers);
  }
  redis.disconnect();
  await server.stop();
}
