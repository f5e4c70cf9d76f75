/** Part of the wiring: what the operations routes ask of queues, jobs, models and Redis, and Bull Board beside them. */
import type { QueueLink } from '@batchyard/queue/open-queues';
import { shownUrl } from '@batchyard/shared/contract/durability';

import type { QueueLoads } from './admission/queue-loads.ts';
import type { Config } from './config.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import type { OpenAccess } from './open-access.ts';
import type { FastLane } from './http/fast-lane.ts';
import type { JobDesk } from './http/job-routes.ts';
import { createOpsApp, type OpsApp, type OpsParts } from './http/ops-app.ts';
import { createRetry } from './http/retry-job.ts';
import { createLoadRunner } from './load/load-runner.ts';
import { askRedis } from './queue/ask-redis.ts';
import type { BoardQueues } from './queue/board-queues.ts';

type Own = Pick<
  OpsParts,
  'version' | 'health' | 'memory' | 'balancer' | 'scaling' | 'tuning' | 'cache' | 'events' | 'monitor'
>;
type Parts = Own & {
  readonly config: Config;
  readonly link: QueueLink;
  readonly access: Pick<OpenAccess, 'entry' | 'keys'>;
  readonly fleet: FleetView;
  readonly desk: JobDesk;
  readonly forecast: QueueLoads['forecast'];
  readonly publicLane: FastLane;
  readonly publicUrl: () => string;
  readonly report: (detail: object, sentence: string) => void;
};

/** A listener on all addresses is reached on this machine's own. */
const reachable = (url: string): string => url.replace(/\/\/(?:0\.0\.0\.0|\[?::\]?)(?=:\d+$)/, '//127.0.0.1');

export type Ops = OpsApp & { readonly closeBoard: () => Promise<void> };

/** BullMQ's own queues, for Bull Board and for pauses: loaded and connected when they are first asked for. */
function boardOnDemand({ config, link }: Pick<Parts, 'config' | 'link'>) {
  let opened: Promise<BoardQueues> | undefined;
  async function open(): Promise<BoardQueues> {
    const { createBoardQueues } = await import('./queue/board-queues.ts');
    return createBoardQueues(
      { prefixOf: link.prefixOf, readOnly: config.BATCHYARD_BOARD !== 'full' },
      { url: config.REDIS_URL, cluster: config.BATCHYARD_REDIS_CLUSTER },
      (key, fields) => link.commands.hmget(key, ...fields),
    );
  }
  return {
    queues: () => (opened ??= open()),
    close: async () => (await opened)?.close(),
  };
}

export function openOps(parts: Parts): Ops {
  const { config, link, access, fleet, desk, forecast, publicLane, publicUrl, report, ...own } = parts;
  const { queue } = link;
  const board = boardOnDemand(parts);
  const boardNow = async () => (await board.queues()).adapters(fleet.models().map((one) => one.queue));
  const { again } = createRetry({ desk, models: fleet });
  const names = askRedis(queue.queues);
  const jobsIn = askRedis(queue.jobsIn);
  const view = askRedis(queue.view);
  const loadTests = createLoadRunner({
    store: {
      ...queue,
      claimLoadTest: askRedis(queue.claimLoadTest),
      loadTests: askRedis(queue.loadTests),
    },
    url: () => reachable(publicUrl()),
    report,
  });
  const ops = createOpsApp({
    ...own,
    loadTests,
    entry: access.entry,
    keys: access.keys,
    board: config.BATCHYARD_BOARD === 'off' ? undefined : boardNow,
    workers: { workers: fleet.workers },
    queues: {
      queues: names,
      counts: askRedis(queue.counts),
      forecast,
      pause: askRedis(async (name: string) => (await board.queues()).pause(name)),
      resume: askRedis(async (name: string) => (await board.queues()).resume(name)),
      drainJobs: askRedis(queue.drainJobs),
      cleanJobs: askRedis(queue.cleanJobs),
      jobsIn,
      async retryJob(name, id) {
        const found = await view(name, id);
        return found ? again({ queue: name, view: found }) : 'unknown';
      },
    },
    explorer: {
      queues: names,
      queueOf: desk.queueOf,
      jobsIn,
      batchMates: askRedis(queue.batchMates),
      view,
      position: desk.position,
      input: desk.input,
      output: desk.output,
      byQueue: fleet.byQueue,
    },
    models: { models: fleet.models, publicUrl, publicLane },
    redis: { redisFacts: askRedis(queue.redisFacts), shownUrl: shownUrl(config.REDIS_URL) },
    batching: {
      batchingChange: askRedis(queue.batchingChange),
      changeBatching: askRedis(queue.changeBatching),
      models: () => fleet.models().map(({ model }) => model),
      workers: fleet.workers,
    },
  });
  return {
    ...ops,
    endStreams() {
      loadTests.close();
      ops.endStreams();
    },
    closeBoard: board.close,
  };
}
