/** The cache as the settings want it, with its metrics. */
import type { Metrics } from '@batchyard/shared/runtime/metrics';
import type { Redis } from '@batchyard/shared/runtime/redis';

import { createMemoryTier } from './memory-tier.ts';
import { createRedisTier } from './redis-tier.ts';
import { createResponseCache } from './response-cache.ts';

type Parts = {
  readonly settings: {
    /** `memory`: without the tier in Redis. */
    readonly BATCHYARD_CACHE: 'on' | 'memory' | 'off';
    readonly BATCHYARD_CACHE_BYTES: number;
    readonly BATCHYARD_CACHE_REDIS_BYTES: number;
    readonly BATCHYARD_CACHE_TTL: number;
  };
  readonly redis: Redis;
  readonly prefix: string;
  readonly metrics: Metrics;
  readonly memoryShare: () => number;
  readonly pause: (ms: number) => Promise<void>;
};

/** Jobs need the memory of Redis more. */
const REDIS_SHARE = 0.5;

export function openCache({ settings, redis, prefix, metrics, memoryShare, pause }: Parts) {
  const ttlMs = settings.BATCHYARD_CACHE_TTL * 1000;
  const mode = settings.BATCHYARD_CACHE;
  const bytes = settings.BATCHYARD_CACHE_REDIS_BYTES;
  const cache = createResponseCache({
    memory: mode === 'off' ? undefined : createMemoryTier(settings.BATCHYARD_CACHE_BYTES, ttlMs),
    redis: mode === 'on' && bytes > 0 ? createRedisTier({ redis, prefix, bytes, ttlMs }) : undefined,
    roomInRedis: () => memoryShare() < REDIS_SHARE,
    pause,
  });
  const hits = metrics.total('batchyard_cache_hits_total', 'Results found, by tier', ['tier']);
  const misses = metrics.total('batchyard_cache_misses_total', 'Results not found, by tier', ['tier']);
  const held = metrics.gauge('batchyard_cache_bytes', 'Bytes of kept results in this gateway');
  const entries = metrics.gauge('batchyard_cache_entries', 'Kept results in this gateway');
  return {
    ...cache,
    /** Before the metrics are read. */
    collect(): void {
      const { tiers } = cache.stats();
      for (const tier of ['memory', 'redis'] as const) {
        hits.set({ tier }, tiers[tier].hits);
        misses.set({ tier }, tiers[tier].misses);
      }
      held.set(tiers.memory.bytes ?? 0);
      entries.set(tiers.memory.entries ?? 0);
    },
  };
}
