/** Tier 1: results in this gateway's memory, bounded by bytes; the least recently used goes first. */
import { LRUCache } from 'lru-cache';

/** Of an entry beside its key and its bytes. */
const ENTRY_BYTES = 512;
/** No entry takes more than this share. */
const LARGEST_SHARE = 8;

export type MemoryTier = {
  get(key: string): Buffer | undefined;
  set(key: string, blob: Uint8Array): void;
  /** Forgets what begins with `start`; without it everything. */
  purge(start?: string): void;
  /** What is kept stays as far as it fits. */
  retune(bytes: number, ttlMs: number): void;
  stats(): { entries: number; bytes: number; limit_bytes: number; evicted: number; expired: number };
};

export function createMemoryTier(bytes: number, ttlMs: number): MemoryTier {
  // `expired`: asked for again, and too old.
  const went = { evicted: 0, expired: 0 };
  const make = (maxSize: number, ttl: number): LRUCache<string, Buffer> =>
    new LRUCache<string, Buffer>({
      maxSize,
      maxEntrySize: Math.ceil(maxSize / LARGEST_SHARE),
      ttl,
      sizeCalculation: (blob, key) => blob.byteLength + 2 * key.length + ENTRY_BYTES,
      dispose(_blob, _key, reason) {
        if (reason === 'evict') went.evicted += 1;
        if (reason === 'expire') went.expired += 1;
      },
    });
  let entries = make(bytes, ttlMs);
  return {
    get: (key) => entries.get(key),
    set(key, blob) {
      // A view would keep all of the reply that it came in.
      const own = Buffer.allocUnsafeSlow(blob.byteLength);
      own.set(blob);
      entries.set(key, own);
    },
    purge(start = '') {
      if (start === '') entries.clear();
      else
        Array.from(entries.keys())
          .filter((key) => key.startsWith(start))
          .forEach((key) => entries.delete(key));
    },
    retune(nextBytes, nextTtlMs) {
      const kept = entries.dump();
      entries = make(nextBytes, nextTtlMs);
      entries.load(kept);
    },
    stats: () => ({
      entries: entries.size,
      bytes: entries.calculatedSize,
      limit_bytes: entries.maxSize,
      ...went,
    }),
  };
}
