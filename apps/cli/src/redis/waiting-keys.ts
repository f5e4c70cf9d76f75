/** Where what waits is counted by tools that know Redis and not Batchyard, as KEDA's Redis trigger, whose `listName` is such a key. */
import { queueBase, queuesKey, shardOfModel, shardPrefix } from '@batchyard/shared/contract/redis-keys';

import { askAll } from './connect-briefly.ts';

export type WaitingKey = {
  readonly queue: string;
  /** A sorted set, or nothing while no job waits. */
  readonly key: string;
  readonly jobs: number;
};

/** Of each queue that a worker has registered, in order; on a cluster the key lies in its model's shard. */
export const waitingKeys = async (url: string, cluster: boolean): Promise<WaitingKey[]> =>
  askAll(url, cluster, async (redis) => {
    const queues = await redis.hkeys(queuesKey(shardPrefix(0)));
    return Promise.all(
      queues.toSorted().map(async (queue) => {
        const [model = queue] = queue.split('@');
        const key = `${queueBase(shardPrefix(shardOfModel(model, cluster)), queue)}prioritized`;
        return { queue, key, jobs: await redis.zcard(key) };
      }),
    );
  });
