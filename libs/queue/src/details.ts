/** What is kept of a model beside its announcement and its jobs: its details, and counters that gateways add to. */
import { modelDetailsSchema, type ModelDetails } from '@batchyard/shared/contract/model-details';
import { detailsKey, extraBase } from '@batchyard/shared/contract/redis-keys';

import type { QueueSettings } from './settings.ts';

/** By queue and field of its statistics. */
type Increments = ReadonlyMap<string, Readonly<Record<string, number>>>;

export type Details = {
  /** Undefined where only workers of older versions serve the model. */
  details(queue: string): Promise<ModelDetails | undefined>;
  /** Adds to the statistics of queues, in one round trip and one transaction. */
  addStatistics(increments: Increments): Promise<void>;
};

export function createDetails({ commands, prefix }: QueueSettings): Details {
  return {
    async details(queue) {
      const text = await commands.hget(detailsKey(prefix), queue);
      if (text === null) return undefined;
      const parsed = modelDetailsSchema.safeParse(JSON.parse(text));
      return parsed.success ? parsed.data : undefined;
    },
    async addStatistics(increments) {
      const [seconds] = await commands.time();
      const transaction = commands.multi();
      for (const [queue, fields] of increments) {
        const key = `${extraBase(prefix, queue)}stats`;
        for (const [field, more] of Object.entries(fields)) transaction.hincrby(key, field, more);
        if (fields['hits'] !== undefined) transaction.hset(key, 'last_hit', Number(seconds) * 1_000);
      }
      const replies = await transaction.exec();
      const failed = replies?.find(([error]) => error)?.[0];
      if (failed || !replies) throw failed ?? new Error('Redis did not run the transaction');
    },
  };
}
