/** Part of the wiring: what a gateway adds to the statistics of the cluster. */
import type { QueueOperations } from '@batchyard/queue/queue';

import type { OpenCache } from './cache/open-cache.ts';
import { REFUSALS } from './gateway-metrics.ts';
import type { EndedRequest } from './http/fast-lane.ts';
import { createOwnCounts } from './queue/own-counts.ts';

export function openCounts(queue: Pick<QueueOperations, 'addStatistics'>, cache: Pick<OpenCache, 'lookups'>) {
  const own = createOwnCounts({ lookups: cache.lookups, add: queue.addStatistics });
  return {
    ended({ code, queue: name, seconds }: EndedRequest): void {
      if (code !== undefined && name !== undefined && REFUSALS.has(code)) own.refused(name, seconds * 1_000);
    },
    /** What Redis does not take now goes with the next turn. */
    flush: (): Promise<void> => own.flush().catch(() => undefined),
  };
}
