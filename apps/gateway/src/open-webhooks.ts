/** Part of the wiring: webhooks of jobs, which every gateway delivers. */
import type { HookLog } from '@batchyard/queue/hooks';
import type { QueueOperations } from '@batchyard/queue/queue';
import { HOOK_STATES } from '@batchyard/shared/contract/webhook';
import { following, type Logger } from '@batchyard/shared/runtime/log';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import { mayReach, webhookTarget, type Target } from './admission/webhook-target.ts';
import type { Config } from './config.ts';
import { askRedis } from './queue/ask-redis.ts';
import { createHookDelivery } from './webhook/deliver-hooks.ts';
import { createGuardedPost } from './webhook/guarded-post.ts';
import { newSecret } from './webhook/sign.ts';

type Parts = {
  readonly config: Config;
  readonly queue: QueueOperations;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly draining: () => boolean;
};

export type Webhooks = {
  hookTarget(url: string): Target;
  /** As many wait to be told as may. */
  hooksFull(): boolean;
  hookLog(id: string): Promise<HookLog | undefined>;
};

const TURN_MS = 250;
const LOOK_MS = 1_000;
const MOST_PENDING = 10_000;
/** So long after a Redis that forgot everything has come back all gateways sign alike again. */
const SECRET_MS = 30_000;

/** @returns the secret that all gateways sign with: the configured one, or the one that the first of them made */
function sharedSecret({ config, queue }: Pick<Parts, 'config' | 'queue'>): () => Promise<string> {
  const configured = config.BATCHYARD_WEBHOOK_SECRET;
  if (configured !== undefined) return async () => configured;
  let [known, until] = [newSecret(), 0];
  return async () => {
    if (performance.now() < until) return known;
    known = await queue.hookSecret(known);
    until = performance.now() + SECRET_MS;
    return known;
  };
}

export function openWebhooks({ config, queue, log, metrics, draining }: Parts): Webhooks {
  const allowed = config.BATCHYARD_WEBHOOK_ALLOW_PRIVATE;
  const secret = sharedSecret({ config, queue });
  const attempts = metrics.counter('batchyard_webhook_attempts_total', 'Attempts to tell how a job ended', ['state']);
  for (const state of HOOK_STATES) attempts.inc({ state }, 0);
  const waiting = metrics.gauge('batchyard_webhooks_pending', 'Ends of jobs that are to be told');
  const delivery = createHookDelivery({
    take: queue.takeHooks,
    settle: queue.settleHook,
    secret,
    post: createGuardedPost({ mayReach: (address, encrypted) => mayReach(address, allowed, encrypted) }),
    nowMs: Date.now,
    random: Math.random,
    observe: (state) => attempts.inc({ state }),
    report: following(log, 'warn'),
  });
  let pending = 0;
  const turn = async (): Promise<void> => (draining() ? undefined : delivery.turn());
  async function look(): Promise<void> {
    pending = await queue.pendingHooks();
    waiting.set(pending);
  }
  // While Redis is away nothing is due; it is asked again soon enough. They end with the process.
  setInterval(() => void turn().catch(() => undefined), TURN_MS);
  setInterval(() => void look().catch(() => undefined), LOOK_MS);
  void secret().catch(() => undefined);
  return {
    hookTarget: (url) => webhookTarget(url, allowed),
    hooksFull: () => pending >= MOST_PENDING,
    hookLog: askRedis(queue.hookLog),
  };
}
