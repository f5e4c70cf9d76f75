/** Settings of batches that were changed while a model serves: kept in Redis, read by workers with their check-in. */
import { batchingChangeSchema, type BatchingChange } from '@batchyard/shared/contract/batching';
import { batchingKey } from '@batchyard/shared/contract/redis-keys';

import type { QueueSettings } from './settings.ts';

export type BatchingStore = {
  /** Undefined where nothing was changed. */
  batchingChange(queue: string): Promise<BatchingChange | undefined>;
  /** An empty change leaves the model's own configuration. */
  changeBatching(queue: string, change: BatchingChange): Promise<void>;
};

/** What cannot be read counts as no change: a worker serves on by its own configuration. */
export function parseChange(text: string | null): BatchingChange | undefined {
  if (text === null || text === '') return undefined;
  try {
    const parsed = batchingChangeSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export function createBatchingStore({ commands, prefix }: QueueSettings): BatchingStore {
  return {
    batchingChange: async (queue) => parseChange(await commands.hget(batchingKey(prefix), queue)),
    async changeBatching(queue, change) {
      if (Object.keys(change).length === 0) await commands.hdel(batchingKey(prefix), queue);
      else await commands.hset(batchingKey(prefix), queue, JSON.stringify(change));
    },
  };
}
