/** Part of the wiring: what watches the cluster, with what this gateway may hold and where it tells alerts. */
import type { QueueOperations } from '@batchyard/queue/queue';
import { following, type Logger } from '@batchyard/shared/runtime/log';

import { mayTellOperator } from './admission/webhook-target.ts';
import type { Config } from './config.ts';
import { askRedis } from './queue/ask-redis.ts';
import { openMonitor } from './watch/open-monitor.ts';
import { createGuardedPost } from './webhook/guarded-post.ts';

type Own = Pick<
  Parameters<typeof openMonitor>[0],
  'gateway' | 'fleet' | 'redis' | 'lookups' | 'holds' | 'metrics' | 'pause'
>;
type Parts = Own & {
  readonly config: Config;
  readonly queue: QueueOperations;
  readonly log: Logger;
  /** Of the operations listener, once it listens. */
  readonly opsUrl: () => string;
};

/** Of a gateway without bodies and kept results. */
const PROCESS_BYTES = 192 * 1_048_576;

export function openWatching({ config, queue, log, opsUrl, ...own }: Parts): ReturnType<typeof openMonitor> {
  const url = config.BATCHYARD_ALERT_WEBHOOK;
  return openMonitor({
    ...own,
    queue: { ...queue, acknowledged: askRedis(queue.acknowledged), acknowledge: askRedis(queue.acknowledge) },
    budgetBytes: config.BATCHYARD_MAX_BYTES_IN_FLIGHT + config.BATCHYARD_CACHE_BYTES + PROCESS_BYTES,
    // An operator has named the place, so it need not be public.
    webhook: url === undefined ? undefined : { url, post: createGuardedPost({ mayReach: mayTellOperator }) },
    opsUrl,
    report: following(log, 'warn'),
  });
}
