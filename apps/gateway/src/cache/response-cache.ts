/**
 * Results of requests that were asked before: tier 1 in this gateway, tier 2 in Redis, and one job for equal requests that
 * are under way. A cache that is off, away or useless costs a request nothing but its job.
 */
import { CLASS_PRIORITY, shortSignature, type PriorityClass } from '@batchyard/shared/contract/job';
import { modelOfQueue, type Model } from '@batchyard/shared/contract/model';

import { cacheKey, keyStart } from './cache-key.ts';
import { createLookups } from './lookups.ts';
import type { MemoryTier } from './memory-tier.ts';
import { CLAIM_MS, type Found, type RedisTier } from './redis-tier.ts';
import { createSingleFlight } from './single-flight.ts';

export type CacheQuestion = {
  readonly model: Model;
  readonly queue: string;
  /** Whose question it is: what one has asked another does not get to know. */
  readonly tenant: string;
  /** Tensor blob of the request. */
  readonly input: Uint8Array;
  readonly priority: PriorityClass;
  readonly remainingMs: number;
};
/** `signature`: of what computed it, in short; undefined where that is not told. */
export type Computed = { readonly blob: Buffer; readonly signature: string | undefined };
/** Computes the answer. `gone`: nobody waits for it any more; `spentMs` of the time there was are over. */
export type Compute = (gone: Promise<void>, spentMs: number) => Promise<Computed>;
/** `hit`: it was kept. `shared`: an equal request was under way. Undefined: it was computed. */
export type CacheAnswer = { readonly blob: Buffer; readonly cache: 'hit' | 'shared' | undefined };

type Parts = {
  /** Undefined: there is no cache at all. */
  readonly memory: MemoryTier | undefined;
  readonly redis: RedisTier | undefined;
  /** Redis has memory to spare. */
  readonly roomInRedis: () => boolean;
  readonly pause: (ms: number) => Promise<void>;
};
type Result = { readonly blob: Buffer; readonly from: 'redis' | 'computed' };

const FIRST_LOOK_MS = 4;
const LONGEST_LOOK_MS = 50;
const ALL = '*';

const ratio = (hits: number, misses: number): number => (hits + misses === 0 ? 0 : hits / (hits + misses));

const zeroCounts = () => ({
  memory: { hits: 0, misses: 0 },
  redis: { hits: 0, misses: 0 },
  shared: 0,
  computed: 0,
  passed: 0,
});

/** What the leader of a flight does. */
function createFetch({ memory, redis, roomInRedis, pause }: Parts, count: ReturnType<typeof zeroCounts>) {
  /** Waits for another gateway's result, for half of the time there is and no longer than its claim holds. */
  async function awaitOther(key: string, question: CacheQuestion, first: Found, over: () => boolean): Promise<Found> {
    const urgency = CLASS_PRIORITY[question.priority];
    const limit = performance.now() + Math.min(question.remainingMs / 2, CLAIM_MS);
    let [found, waitMs] = [first, FIRST_LOOK_MS];
    // A less urgent one is not waited for.
    while (typeof found === 'number' && found <= urgency && !over() && performance.now() < limit) {
      await pause(waitMs);
      waitMs = Math.min(LONGEST_LOOK_MS, waitMs * 2);
      found = await redis?.look(key);
    }
    return found;
  }

  /** Leads: asks Redis, and computes what is not there. */
  async function fetch(key: string, question: CacheQuestion, compute: Compute, gone: Promise<void>): Promise<Result> {
    const started = performance.now();
    let over = false;
    void gone.then(() => (over = true));
    const tier = redis && roomInRedis() ? redis : undefined;
    const first = await tier?.claim(key, CLASS_PRIORITY[question.priority]).catch(() => undefined);
    const found = await awaitOther(key, question, first, () => over).catch(() => undefined);
    if (Buffer.isBuffer(found)) {
      count.redis.hits += 1;
      memory?.set(key, found);
      return { blob: found, from: 'redis' };
    }
    if (tier) count.redis.misses += 1;
    try {
      const { blob, signature } = await compute(gone, tier ? performance.now() - started : 0);
      if (signature === shortSignature(question.model.signature)) {
        memory?.set(key, blob);
        tier?.store(key, blob);
        // By a file that is not the one that was asked, but has replaced it: it would be kept under the other's name.
      } else if (first === 'mine') tier?.release(key);
      return { blob, from: 'computed' };
    } catch (error) {
      if (first === 'mine') tier?.release(key);
      throw error;
    }
  }

  return fetch;
}

type Count = ReturnType<typeof zeroCounts>;

function statsOf({ memory, redis }: Parts, count: Count, bypassed: readonly string[]) {
  const hits = count.memory.hits + count.redis.hits + count.shared;
  return {
    enabled: memory !== undefined,
    hits,
    misses: count.computed,
    shared: count.shared,
    passed_by: count.passed,
    hit_rate: ratio(hits, count.computed),
    tiers: {
      memory: { ...count.memory, ...memory?.stats() },
      redis: { ...count.redis, ...redis?.stats() },
    },
    bypassed,
  };
}

export function createResponseCache(parts: Parts) {
  const { memory, redis } = parts;
  const flights = createSingleFlight<Result>();
  const lookups = createLookups();
  const count = zeroCounts();
  const fetch = createFetch(parts, count);
  let generations: Readonly<Record<string, string>> = {};

  const cacheable = (model: Model): boolean =>
    memory !== undefined && model.responseCache === true && model.sha256 !== undefined;
  const generationOf = (model: string): string => `${generations[ALL] ?? 0}.${generations[model] ?? 0}`;

  async function answer(question: CacheQuestion, gone: Promise<void>, compute: Compute): Promise<CacheAnswer> {
    const { model, queue, tenant, input, priority, remainingMs } = question;
    const plain = async (spentMs: number): Promise<CacheAnswer> => ({
      blob: (await compute(gone, spentMs)).blob,
      cache: undefined,
    });
    if (!memory || !cacheable(model)) return plain(0);
    const started = performance.now();
    if (!lookups.worthIt(queue, started)) {
      count.passed += 1;
      return plain(0);
    }
    const key = cacheKey({ model, queue, tenant, generation: generationOf(model.name) }, input);
    const kept = memory.get(key);
    if (kept) {
      count.memory.hits += 1;
      lookups.ended(queue, true, { nowMs: started, tookMs: performance.now() - started });
      return { blob: kept, cache: 'hit' };
    }
    count.memory.misses += 1;
    const lookedMs = performance.now() - started;
    const traveller = { urgency: CLASS_PRIORITY[priority], remainingMs, gone };
    const landed = await flights
      .share(key, traveller, (all) => fetch(key, question, compute, all))
      .catch((error: unknown) => {
        // Found nothing either, though nothing came of it: where all is refused, looking must not go on for ever.
        lookups.ended(queue, false, { nowMs: performance.now(), tookMs: lookedMs });
        throw error;
      });
    const spentMs = performance.now() - started;
    if (landed === 'failed') return plain(spentMs);
    const { value, followed } = landed;
    const computed = !followed && value.from === 'computed';
    if (followed) count.shared += 1;
    else if (computed) count.computed += 1;
    lookups.ended(queue, !computed, { nowMs: started + spentMs, tookMs: computed ? lookedMs : spentMs });
    if (computed) return { blob: value.blob, cache: undefined };
    return { blob: value.blob, cache: followed ? 'shared' : 'hit' };
  }

  /** Forgets what was purged since `before`. */
  function obey(before: Readonly<Record<string, string>>): void {
    const changed = Object.keys(generations).filter((model) => generations[model] !== before[model]);
    if (changed.includes(ALL)) memory?.purge();
    else
      for (const queue of lookups.queues())
        if (changed.includes(modelOfQueue(queue).model)) memory?.purge(keyStart(queue));
  }
  async function refresh(): Promise<void> {
    if (!redis) return;
    const before = generations;
    generations = await redis.generations();
    obey(before);
  }

  return {
    answer,
    /** Whether a request may be answered though it could not be computed: then it is worth reading. */
    mayKnow: ({ model, queue }: { readonly model: Model; readonly queue: string }): boolean =>
      cacheable(model) && !lookups.passedBy(queue),
    /** Reads what other gateways have purged; once a second. */
    refresh: () => refresh().catch(() => undefined),
    /** Forgets the results of a model, or all; every gateway follows within a second. */
    async purge(model: string = ALL): Promise<void> {
      if (model === ALL) memory?.purge();
      else
        for (const queue of lookups.queues()) if (modelOfQueue(queue).model === model) memory?.purge(keyStart(queue));
      await redis?.purge(model);
      await refresh();
    },
    /** For want of memory: tier 1 lets everything go, and fills again. */
    purgeMemory: () => memory?.purge(),
    /** Lookups that found something and those that did not, by queue, since this gateway began. */
    lookups: lookups.counts,
    stats: () => statsOf(parts, count, lookups.bypassed()),
  };
}
export type ResponseCache = ReturnType<typeof createResponseCache>;
