/** What a gateway's cache says of itself, and what of it falls into one window. */

/** Requests that ended so: found in memory, in Redis, shared with one under way, computed, and not looked up at all. */
export type CacheCounts = {
  readonly memory: number;
  readonly redis: number;
  readonly shared: number;
  readonly computed: number;
  readonly passed: number;
};

type Stats = {
  readonly shared: number;
  readonly misses: number;
  readonly passed_by: number;
  readonly tiers: { readonly memory: { readonly hits: number }; readonly redis: { readonly hits: number } };
};

export function countsOf({ shared, misses, passed_by, tiers }: Stats): CacheCounts {
  return { memory: tiers.memory.hits, redis: tiers.redis.hits, shared, computed: misses, passed: passed_by };
}

export const NO_COUNTS: CacheCounts = { memory: 0, redis: 0, shared: 0, computed: 0, passed: 0 };

export const sumOfCounts = (one: CacheCounts, other: CacheCounts): CacheCounts => ({
  memory: one.memory + other.memory,
  redis: one.redis + other.redis,
  shared: one.shared + other.shared,
  computed: one.computed + other.computed,
  passed: one.passed + other.passed,
});

/** From one look to a later one. */
export const countsBetween = (before: CacheCounts, after: CacheCounts): CacheCounts => ({
  memory: after.memory - before.memory,
  redis: after.redis - before.redis,
  shared: after.shared - before.shared,
  computed: after.computed - before.computed,
  passed: after.passed - before.passed,
});

export const requestsOf = ({ memory, redis, shared, computed, passed }: CacheCounts): number =>
  memory + redis + shared + computed + passed;

/** Of all requests, those that were looked up or not, the share that nothing was computed for. NaN of none. */
export const hitRate = (counts: CacheCounts): number =>
  (counts.memory + counts.redis + counts.shared) / requestsOf(counts);
