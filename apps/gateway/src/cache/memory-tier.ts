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
  stats(): { entries: number; bytes: number; limit_bytes: number };
};

export function createMemoryTier(bytes: number, ttlMs: number): MemoryTier {
  const entries = new LRUCache<string, Buffer>({
    maxSize: bytes,
    maxEntrySize: Math.ceil(bytes / LARGEST_SHARE),
    ttl: ttlMs,
    sizeCalculation: (blob, key) => blob.byteLength + 2 * key.length + ENTRY_BYTES,
  });
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
    stats: () => ({ entries: entries.size, bytes: entries.calculatedSize, limit_bytes: bytes }),
  };
}
