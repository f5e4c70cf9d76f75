/**
 * Tier 2: results in Redis, for all gateways. An entry is first a claim (one byte: the class of whoever computes it), so that
 * two gateways do not compute the same, and then the result. What a turn asks goes out as one pipeline.
 *
 * Invariant: entries live for one TTL, and a gateway writes at most half of its bytes in each stretch of that length, so no
 * more than all of them are there at once.
 */
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
  /** How often each model was purged; `*` = all of them. */
  generations(): Promise<Readonly<Record<string, string>>>;
  purge(model: string): Promise<void>;
  /** Of what is stored from now on. */
  retune(ttlMs: number): void;
  stats(): { stored: number; skipped: number; bytes: number; limit_bytes: number };
};

type Parts = {
  readonly redis: Redis;
  readonly prefix: string;
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

export function createRedisTier({ redis, prefix, bytes, ttlMs: firstTtlMs }: Parts): RedisTier {
  let ttlMs = firstTtlMs;
  const run = createTurns(redis);
  const quiet = (promise: Promise<unknown>): void => void promise.catch(() => undefined);
  const release = (key: string): void => quiet(run((pipeline) => pipeline.del(cachedKey(prefix, key))));
  let [stored, skipped, written, sinceMs] = [0, 0, 0, performance.now()];

  function hasRoom(size: number): boolean {
    if (performance.now() - sinceMs >= ttlMs) [written, sinceMs] = [0, performance.now()];
    return size <= LARGEST_BYTES && written + size <= bytes / 2;
  }
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
      if (!hasRoom(blob.byteLength + key.length)) {
        skipped += 1;
        return release(key);
      }
      written += blob.byteLength + key.length;
      stored += 1;
      const value = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
      quiet(run((pipeline) => pipeline.set(cachedKey(prefix, key), value, 'PX', Math.ceil(ttlMs))));
    },
    release,
    generations: () => redis.hgetall(purgesKey(prefix)),
    async purge(model) {
      await redis.hincrby(purgesKey(prefix), model, 1);
    },
    retune: (nextMs) => void (ttlMs = nextMs),
    stats: () => ({ stored, skipped, bytes: written, limit_bytes: bytes }),
  };
}
