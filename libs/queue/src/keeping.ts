/** Kept results in Redis, within one bound for all gateways. */
import { keptKey } from '@batchyard/shared/contract/redis-keys';

import { chunkJobs } from './chunk.ts';
import { pack, runScript } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

/** `key` of cachedKey. */
export type Kept = { readonly key: string; readonly value: Uint8Array };

export type Keeping = {
  /**
   * Keeps results for `ttlMs` in the place of their claims; the oldest of all go where they would be more than `bytes`.
   * @returns whether each was stored; one that does not fit leaves nothing
   */
  keepMany(entries: readonly Kept[], bounds: { readonly ttlMs: number; readonly bytes: number }): Promise<boolean[]>;
  /** What is kept, as the last of these steps has counted it: keys, values and what Redis needs beside them. */
  keptBytes(): Promise<number>;
};

/** What Redis needs for an entry and its line in the index beside their keys and values: measured in tests/queue/keeping. */
const BESIDE_BYTES = 384;

export function createKeeping({ commands, prefix }: QueueSettings): Keeping {
  const index = keptKey(prefix);
  return {
    async keepMany(entries, { ttlMs, bytes }) {
      const stored: boolean[] = [];
      for (const some of chunkJobs(entries, ({ value }) => value.byteLength)) {
        const keys = some.map(({ key }) => key);
        const header = pack([`${prefix}:x:`, Math.ceil(ttlMs), bytes, BESIDE_BYTES, keys]);
        const args = [header, ...some.map(({ value }) => value)];
        const [, ...fits] = (await runScript(commands, 'keepMany', index, args)) as number[];
        stored.push(...fits.map((one) => one === 1));
      }
      return stored;
    },
    keptBytes: async () => 0 - Number((await commands.zscore(index, '')) ?? 0),
  };
}
