/** Part of the wiring: what the operations port tells of the gateway itself. */
import type { OpenCache } from './cache/open-cache.ts';
import { createCollectMetrics } from './collect-metrics.ts';
import type { Config } from './config.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import type { ModelBreaker } from './fleet/model-breaker.ts';
import type { RedisWatch } from './fleet/redis-watch.ts';
import type { HealthDesk } from './http/health-routes.ts';

type Parts = {
  readonly collected: Omit<Parameters<typeof createCollectMetrics>[0], 'look'>;
  readonly cache: Pick<OpenCache, 'lookups' | 'stats'>;
  readonly config: Config;
  readonly fleet: FleetView;
  readonly redis: Pick<RedisWatch, 'durable' | 'problem'>;
  readonly breaker: Pick<ModelBreaker, 'open'>;
  readonly ready: () => boolean;
  readonly draining: () => boolean;
  readonly steers: () => boolean;
};

export const openHealth = ({
  collected,
  config,
  fleet,
  cache,
  redis,
  breaker,
  ready,
  draining,
  steers,
}: Parts): HealthDesk => ({
  metrics: createCollectMetrics({
    ...collected,
    look: () => ({
      queues: fleet.models().map((view) => view.queue),
      workers: fleet.workers(),
      lookups: cache.lookups(),
      entries: cache.stats().tiers.memory.entries ?? 0,
    }),
  }),
  ready: () => ({
    ready: ready(),
    detail: {
      draining: draining(),
      steers: steers(),
      redis: fleet.fresh(),
      durability: config.BATCHYARD_DURABILITY,
      durable: redis.durable(),
      problem: redis.problem(),
      failing: breaker.open(),
      redis_memory: fleet.memoryShare(),
      models: fleet.models().length,
    },
  }),
});
