/** Part of the wiring: story 1 with its ways to the queue; the requests of one turn are added by one call. */
import type { QueueOperations } from '@batchyard/queue/queue';
import type { Passed } from '@batchyard/shared/contract/memory';
import type { Model } from '@batchyard/shared/contract/model';
import { queueLimits } from '@batchyard/shared/contract/queueing';

import type { QueueLoads } from './admission/queue-loads.ts';
import { createAnswerRequest, type AnswerRequest } from './answer-request.ts';
import type { ResponseCache } from './cache/response-cache.ts';
import { createClassLabels } from './fleet/class-labels.ts';
import { createAddSurely } from './queue/add-surely.ts';
import { askRedis } from './queue/ask-redis.ts';
import { createGroupCommit } from './queue/group-commit.ts';
import type { AwaitedJob, Outcome } from './queue/waiters.ts';

type Parts = {
  readonly gateway: string;
  readonly queue: QueueOperations;
  readonly wait: (job: AwaitedJob, limitMs: number) => { outcome: Promise<Outcome>; stop(): void };
  readonly loads: QueueLoads;
  readonly byQueue: (queue: string) => { readonly model: Model } | undefined;
  readonly maxWaiting: number;
  /** Of the requests. */
  readonly copies: Passed;
  readonly cache: Pick<ResponseCache, 'answer' | 'mayKnow'>;
  readonly pause: (ms: number) => Promise<void>;
};

export function openRequests(parts: Parts): AnswerRequest {
  const { gateway, queue, wait, loads, byQueue, maxWaiting, copies, cache, pause } = parts;
  const commit = createGroupCommit(
    async (name, jobs) => {
      let waiting: readonly number[] | undefined;
      for (const { input } of jobs) copies.blob += input.byteLength;
      const options = {
        maxWaiting,
        limits: queueLimits(byQueue(name)?.model.queueing),
        onWaiting: (byClass: readonly number[]) => void (waiting = byClass),
      };
      try {
        return await queue.addMany(name, jobs, options);
      } finally {
        loads.added(name, jobs.length, waiting);
      }
    },
    (flush) => void setImmediate(flush),
  );
  return createAnswerRequest({
    gateway,
    add: createAddSurely({ add: commit, pause, now: () => performance.now() }),
    wait,
    cancel: queue.cancel,
    output: askRedis(queue.output),
    loads,
    cache,
    labels: createClassLabels(askRedis(queue.details)),
  });
}
