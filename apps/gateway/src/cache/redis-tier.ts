/**
 * Tier 2: results in Redis, for all gateways. An entry is first a claim (one byte: the class of whoever computes it), so that
 * two gateways do not compute the same, and then the result. What a turn asks goes out as one pipeline.
 * Results are bounded by their bytes in Redis, for all gateways together: the step that stores them counts them.
 */
import type { Keeping, Kept } from '@batchyard/queue/keeping';
import { cachedKey, purgesKey } from '@batchyard/shared/contract/redis-keys';
import type { Redis } from '@batchyard/shared/runtime/redis';

/** A claim whose gateway has died, or takes longer, lapses. */
export const CLAIM_MS = 1_000;
/** A larger result stays in memory only. */
const LARGEST_BYTES = 262_144;

/** A result; the urgency (1 = critical … 4) of who computes it; `mine`: it was claimed; undefined: there is nothing. */
export type Found = Buffer | number | 'mine' | undefined;

export type RedisTier = {
  /** Looks, and claims what is not there. */
  claim(key: string, urgency: number): Promise<Found>;
  look(key: string): Promise<Found>;
  store(key: string, blob: Uint8Array): void;
  /** Gives a claim up. */
  release(key: string): void;
  /** How often each model was purged; `*` = all of them. Reads what is kept, too. */
  generations(): Promise<Readonly<Record<string, string>>>;
  purge(model: string): Promise<void>;
  /** Of what is stored from now on. */
  retune(ttlMs: number): void;
  /** `stored` and `skipped` by this gateway; `bytes` of all. */
  stats(): { stored: number; skipped: number; bytes: number; limit_bytes: number };
};

type Parts = {
  readonly redis: Redis;
  readonly prefix: string;
  readonly keeping: Keeping;
  /** Of all results in Redis, whoever has stored them. */
  readonly bytes: number;
  readonly ttlMs: number;
};
type Pipeline = ReturnType<Redis['pipeline']>;
type Pending = { add(pipeline: Pipeline): unknown; resolve(value: unknown): void; reject(error: unknown): void };

/** Commands of one turn of the event loop go together. */
function createTurns(redis: Redis): (add: Pending['add']) => Promise<unknown> {
  let pending: Pending[] = [];
  async function flush(): Promise<void> {
    const group = pending;
    pending = [];
    const pipeline = redis.pipeline();
    for (const { add } of group) add(pipeline);
    try {
      const results = (await pipeline.exec()) ?? [];
      for (const [i, { resolve, reject }] of group.entries()) {
        const [error, value] = results[i] ?? [new Error('no answer')];
        if (error) reject(error);
        else resolve(value);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
  return (add) =>
    new Promise((resolve, reject) => {
      if (pending.length === 0) setImmediate(() => void flush());
      pending.push({ add, resolve, reject });
    });
}

/** What lies under a key: a claim is one byte, no result is so short. */
function read(value: unknown): Found {
  if (!Buffer.isBuffer(value) || value.byteLength === 0) return undefined;
  return value.byteLength === 1 ? Number(value.toString()) : value;
}

/** Results of one turn of the event loop go together. */
function createStores({ keeping, bytes, ttlMs: firstTtlMs }: Parts) {
  let ttlMs = firstTtlMs;
  let pending: Kept[] = [];
  const count = { stored: 0, skipped: 0 };
  async function flush(): Promise<void> {
    const group = pending;
    pending = [];
    // Without an answer the claims lapse by themselves.
    const stored = await keeping.keepMany(group, { ttlMs, bytes }).catch((): boolean[] => []);
    const fits = stored.filter(Boolean).length;
    count.stored += fits;
    count.skipped += group.length - fits;
  }
  return {
    count,
    retune: (nextMs: number): void => void (ttlMs = nextMs),
    add(kept: Kept): void {
      if (pending.length === 0) setImmediate(() => void flush());
      pending.push(kept);
    },
  };
}

export function createRedisTier(parts: Parts): RedisTier {
  const { redis, prefix, keeping, bytes } = parts;
  const run = createTurns(redis);
  const stores = createStores(parts);
  const release = (key: string): void =>
    void run((pipeline) => pipeline.del(cachedKey(prefix, key))).catch(() => undefined);
  let kept = 0;

  return {
    async claim(key, urgency) {
      const name = cachedKey(prefix, key);
      const [claimed, value] = await Promise.all([
        run((pipeline) => pipeline.set(name, String(urgency), 'PX', CLAIM_MS, 'NX')),
        run((pipeline) => pipeline.getBuffer(name)),
      ]);
      return claimed === null ? read(value) : 'mine';
    },
    look: async (key) => read(await run((pipeline) => pipeline.getBuffer(cachedKey(prefix, key)))),
    store(key, blob) {
      if (blob.byteLength <= LARGEST_BYTES) return stores.add({ key, value: blob });
      stores.count.skipped += 1;
      return release(key);
    },
    release,
    async generations() {
      const [generations, held] = await Promise.all([redis.hgetall(purgesKey(prefix)), keeping.keptBytes()]);
      kept = held;
      return generations;
    },
    async purge(model) {
      await redis.hincrby(purgesKey(prefix), model, 1);
    },
    retune: stores.retune,
    stats: () => ({ ...stores.count, bytes: kept, limit_bytes: bytes }),
  };
}
