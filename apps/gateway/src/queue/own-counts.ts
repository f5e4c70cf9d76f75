/**
 * What this gateway alone knows of a queue's statistics: what the cache answered, and what was refused before it became a
 * job. Added to the counters in Redis at most once a second, by one round trip, and only where something has changed.
 */
export type Lookups = ReadonlyMap<
  string,
  { readonly hits: number; readonly misses: number; readonly hitMs: number; readonly missMs: number }
>;

type Parts = {
  /** Of the cache, since this gateway began. */
  readonly lookups: () => Lookups;
  /** Adds to counters of queues, all of them or none as far as Redis answers. */
  readonly add: (increments: ReadonlyMap<string, Increments>) => Promise<void>;
};
/** By field of the queue's statistics. */
export type Increments = Readonly<Record<string, number>>;
type Totals = Record<string, number>;

const ns = (ms: number): number => Math.round(ms * 1e6);

export function createOwnCounts({ lookups, add }: Parts) {
  const refused = new Map<string, { count: number; ms: number }>();
  /** What Redis has been told. */
  let told: ReadonlyMap<string, Totals> = new Map();
  let flushing = false;

  function totals(): Map<string, Totals> {
    const found = new Map<string, Totals>();
    for (const [queue, { hits, misses, hitMs, missMs }] of lookups())
      found.set(queue, { hits, hit_ns: ns(hitMs), misses, miss_ns: ns(missMs) });
    for (const [queue, { count, ms }] of refused)
      found.set(queue, { ...found.get(queue), refused: count, refused_ns: ns(ms) });
    return found;
  }

  return {
    refused(queue: string, ms: number): void {
      const own = refused.get(queue) ?? { count: 0, ms: 0 };
      refused.set(queue, { count: own.count + 1, ms: own.ms + ms });
    },
    /** What Redis did not confirm is told again with the next turn. @throws what `add` throws */
    async flush(): Promise<void> {
      if (flushing) return;
      const now = totals();
      const increments = new Map<string, Increments>();
      for (const [queue, own] of now) {
        const changed = Object.entries(own)
          .map(([field, value]) => [field, value - (told.get(queue)?.[field] ?? 0)] as const)
          .filter(([, more]) => more > 0);
        if (changed.length > 0) increments.set(queue, Object.fromEntries(changed));
      }
      if (increments.size === 0) return;
      flushing = true;
      try {
        await add(increments);
        told = now;
      } finally {
        flushing = false;
      }
    },
  };
}
