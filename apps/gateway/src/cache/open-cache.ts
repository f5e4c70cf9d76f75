/** The cache as the settings want it, with its metrics. */
import type { Keeping } from '@batchyard/queue/keeping';
import type { CacheLimits } from '@batchyard/shared/contract/tuning';
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
  readonly keeping: Keeping;
  readonly metrics: Metrics;
  readonly memoryShare: () => number;
  readonly pause: (ms: number) => Promise<void>;
};

/** Jobs need the memory of Redis more. */
const REDIS_SHARE = 0.5;

export function openCache({ settings, redis, prefix, keeping, metrics, memoryShare, pause }: Parts) {
  const ttlMs = settings.BATCHYARD_CACHE_TTL * 1000;
  const mode = settings.BATCHYARD_CACHE;
  const bytes = settings.BATCHYARD_CACHE_REDIS_BYTES;
  const memory = mode === 'off' ? undefined : createMemoryTier(settings.BATCHYARD_CACHE_BYTES, ttlMs);
  const inRedis = mode === 'on' && bytes > 0 ? createRedisTier({ redis, prefix, keeping, bytes, ttlMs }) : undefined;
  const roomInRedis = (): boolean => memoryShare() < REDIS_SHARE;
  const cache = createResponseCache({ memory, redis: inRedis, roomInRedis, pause });
  const configured: CacheLimits = { bytes: settings.BATCHYARD_CACHE_BYTES, ttl_s: settings.BATCHYARD_CACHE_TTL };
  let limits = configured;
  const hits = metrics.total('batchyard_cache_hits_total', 'Results found, by tier', ['tier']);
  const misses = metrics.total('batchyard_cache_misses_total', 'Results not found, by tier', ['tier']);
  const held = metrics.gauge('batchyard_cache_bytes', 'Bytes of kept results in this gateway');
  const entries = metrics.gauge('batchyard_cache_entries', 'Kept results in this gateway');
  return {
    ...cache,
    /** Undefined: there is none. */
    limits: () => memory && { limits, configured },
    /** Without limits: those that are configured. */
    retune(next: CacheLimits = configured): void {
      if (next.bytes === limits.bytes && next.ttl_s === limits.ttl_s) return;
      limits = next;
      memory?.retune(next.bytes, next.ttl_s * 1_000);
      inRedis?.retune(next.ttl_s * 1_000);
    },
    /** Of the memory tier, since this gateway began. */
    went: () => memory?.stats() ?? { evicted: 0, expired: 0 },
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
export type OpenCache = ReturnType<typeof openCache>;
