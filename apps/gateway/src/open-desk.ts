/** Part of the wiring: what the routes of durable jobs ask, each question bounded and told as a failure of its own. */
import type { QueueOperations } from '@batchyard/queue/queue';
import type { Logger } from '@batchyard/shared/runtime/log';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import type { AnswerRequest } from './answer-request.ts';
import type { Config } from './config.ts';
import type { JobDesk } from './http/job-routes.ts';
import { idPrefix, mayBeOf } from './job-ids.ts';
import { openWebhooks } from './open-webhooks.ts';
import { askRedis } from './queue/ask-redis.ts';

type Parts = {
  readonly queue: QueueOperations;
  readonly gateway: string;
  readonly submit: AnswerRequest['submit'];
  readonly models: () => readonly { readonly queue: string }[];
  readonly wait: (
    job: { queue: string; id: string },
    limitMs: number,
  ) => { readonly outcome: Promise<unknown>; stop(): void };
  readonly durable: () => boolean;
  readonly draining: () => boolean;
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
};

export function openDesk({
  queue,
  gateway,
  submit,
  models,
  wait,
  durable,
  draining,
  config,
  log,
  metrics,
}: Parts): JobDesk {
  return {
    ...openWebhooks({ config, queue, log, metrics, draining }),
    submit,
    claimed: askRedis(queue.claimed),
    claimTurn: askRedis(queue.claimTurn),
    queueOf: (id) => models().find((view) => id.startsWith(`${idPrefix(view.queue)}-`))?.queue,
    mayBeOf,
    view: askRedis(queue.view),
    views: askRedis(queue.views),
    queues: askRedis(queue.queues),
    indexed: askRedis(queue.indexed),
    draining,
    position: askRedis(queue.position),
    output: askRedis(queue.output),
    cancel: askRedis(queue.cancel),
    input: askRedis(queue.input),
    retry: askRedis((name: string, id: string, again: { timeoutMs: number; signature: string }) =>
      queue.retry(name, id, { ...again, maxWaiting: config.BATCHYARD_MAX_WAITING }),
    ),
    wasRemoved: askRedis(queue.wasRemoved),
    durable,
    waitFor: askRedis(async (name: string, id: string, ms: number) => {
      const waiting = wait({ queue: name, id }, ms);
      try {
        if (await queue.watch(name, id, gateway)) await waiting.outcome;
      } finally {
        waiting.stop();
      }
    }),
  };
}
