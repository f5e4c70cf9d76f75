/**
 * The operations of a Redis Cluster: a queue lies in its model's shard, and what is of all queues (registry, workers,
 * steering, cache, events) in shard 0. Each step still touches one shard only; what concerns several is told to each of
 * them, and one that is away keeps none of the others from hearing it.
 */
import { deadKey, shardPrefix } from '@batchyard/shared/contract/redis-keys';
import { queueName } from '@batchyard/shared/contract/model';
import type { Redis } from '@batchyard/shared/runtime/redis';

import { createClaimTurns } from './claim-turns.ts';
import { createClusterHooks, findIn } from './cluster-hooks.ts';
import { laterJob } from './job-index.ts';
import type { QueueOperations } from './queue.ts';
import { createShardWaits } from './shard-waits.ts';

/** Steps whose first argument is the queue. */
const OF_A_QUEUE = [
  'addMany',
  'batchMates',
  'cancel',
  'cleanJobs',
  'counts',
  'drainJobs',
  'fail',
  'finish',
  'giveBack',
  'handOn',
  'input',
  'jobsIn',
  'leftIn',
  'output',
  'position',
  'recoverLapsed',
  'releaseIn',
  'renew',
  'retry',
  'statistics',
  'sweep',
  'take',
  'view',
  'views',
  'wasRemoved',
  'watch',
] as const satisfies readonly (keyof QueueOperations)[];

/** Of all queues together, or of the cluster. */
const AT_HOME = [
  'acknowledge',
  'accessKeys',
  'acknowledged',
  'addSecond',
  'askCleanUp',
  'askTuning',
  'batchingChange',
  'changeBalancer',
  'changeBatching',
  'claimLoadTest',
  'changeKeys',
  'clock',
  'connectedWorkers',
  'details',
  'drainWorker',
  'events',
  'follow',
  'forgetSupervisor',
  'hookSecret',
  'keepLoadTest',
  'keepMany',
  'keepTuningState',
  'keptBytes',
  'lastWish',
  'loadTests',
  'modelWish',
  'modelWishes',
  'models',
  'queues',
  'releaseLoadTest',
  'renewLoadTest',
  'recordSample',
  'redisFacts',
  'redisState',
  'registered',
  'replies',
  'reportRepository',
  'reportSupervisor',
  'repositoryReports',
  'seconds',
  'settleRates',
  'steer',
  'steeringWishes',
  'stopSteering',
  'supervisors',
  'takeTuningAsked',
  'tuneCache',
  'tuningState',
  'tuningWishes',
  'undrainWorker',
  'wishModel',
  'wishWorkers',
  'withdraw',
  'workers',
] as const satisfies readonly (keyof QueueOperations)[];

const DEAD_MS = 3_600_000;

type Parts = {
  /** By shard. */
  readonly shards: readonly QueueOperations[];
  readonly shardOf: (queue: string) => number;
  readonly commands: Redis;
};

/** Does all of it, and fails as the first that failed. */
async function each<T, R>(over: Iterable<T>, work: (one: T) => Promise<R>): Promise<R[]> {
  const done = await Promise.allSettled(Array.from(over, work));
  return done.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

function byShard<T>(all: readonly T[], shardOf: (one: T) => number): Map<number, T[]> {
  const found = new Map<number, T[]>();
  for (const one of all) found.set(shardOf(one), [...(found.get(shardOf(one)) ?? []), one]);
  return found;
}

function pick<Name extends keyof QueueOperations>(from: QueueOperations, names: readonly Name[]) {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<QueueOperations, Name>;
}

type Step = (queue: string, ...rest: readonly unknown[]) => unknown;

export function createClusterOperations({ shards, shardOf, commands }: Parts): QueueOperations {
  const [home] = shards;
  if (!home) throw new Error('a cluster has at least one shard');
  const at = (shard: number): QueueOperations => shards[shard] ?? home;
  const dispatched = Object.fromEntries(
    OF_A_QUEUE.map((name) => {
      const step: Step = (queue, ...rest) => (at(shardOf(queue))[name] as unknown as Step)(queue, ...rest);
      return [name, step];
    }),
  ) as Pick<QueueOperations, (typeof OF_A_QUEUE)[number]>;
  /** Where this process serves queues. */
  const served = new Set<number>();
  const away = (queues: readonly string[]): Set<number> => new Set(queues.map(shardOf).filter((shard) => shard > 0));

  return {
    ...dispatched,
    ...pick(home, AT_HOME),
    waitForWork: createShardWaits({
      shardOf,
      waitIn: (shard, queues, maxMs) => at(shard).waitForWork(queues, maxMs),
      handOn: dispatched.handOn,
      after(ms, call) {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
      now: () => performance.now(),
    }),
    async announce(model, details) {
      served.add(shardOf(queueName(model.name, model.version)));
      await home.announce(model, details);
    },
    async checkIn(worker, token, heartbeatJson) {
      const elsewhere = [...served].filter((shard) => shard > 0);
      const beats = Promise.allSettled(elsewhere.map((shard) => at(shard).beat(worker, token)));
      const said = await home.checkIn(worker, token, heartbeatJson);
      const lives = (await beats).every((one) => one.status === 'rejected' || one.value);
      return { ...said, dead: said.dead || !lives };
    },
    beat: home.beat,
    async forget(model) {
      const queue = queueName(model.name, model.version);
      await home.forget(model, await dispatched.leftIn(queue));
    },
    async addStatistics(increments) {
      const grouped = byShard([...increments], ([queue]) => shardOf(queue));
      await each(grouped, ([shard, own]) => at(shard).addStatistics(new Map(own)));
    },
    /** The name stands in each shard: which batch is in which is not known here, and one too many harms nothing. */
    async markStarted(token, batches) {
      await each(served, (shard) => at(shard).markStarted(token, batches));
    },
    /** The key says nothing of the model: it is looked for wherever it can be. */
    claimed: (key) => findIn(shards, (shard) => shard.claimed(key)),
    claimTurn: createClaimTurns(commands, shardPrefix(0)),
    ...createClusterHooks(shards),
    async indexed(tenant, queues, page) {
      const found = await each(byShard(queues, shardOf), ([shard, own]) => at(shard).indexed(tenant, own, page));
      return found.flat().toSorted(laterJob).slice(0, page.limit);
    },
    async claimDead(worker, silenceMs) {
      const token = await home.claimDead(worker, silenceMs);
      if (token === undefined) return undefined;
      const told = away(await home.queues());
      await each(told, (shard) => commands.set(deadKey(shardPrefix(shard), token), 1, 'PX', DEAD_MS)).catch(
        () => undefined,
      );
      return token;
    },
    async releaseWorker(token) {
      const queues = await home.queues();
      const released = await each(queues, (queue) => dispatched.releaseIn(queue, token));
      // Its entry among the workers, where none of the queues lies there.
      const [any] = queues;
      if (any !== undefined && !queues.some((queue) => shardOf(queue) === 0)) await home.releaseIn(any, token);
      return released.reduce((sum, jobs) => sum + jobs, 0);
    },
  };
}
