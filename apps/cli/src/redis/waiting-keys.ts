/** Where what waits is counted by tools that know Redis and not Batchyard, as KEDA's Redis trigger, whose `listName` is such a key. */
import { queueBase, queuesKey, shardOfModel, shardPrefix } from '@batchyard/shared/contract/redis-keys';
import { connectCluster } from '@batchyard/shared/runtime/cluster';
import { connectRedis } from '@batchyard/shared/runtime/redis';

export type WaitingKey = {
  readonly queue: string;
  /** A sorted set, or nothing while no job waits. */
  readonly key: string;
  readonly jobs: number;
};

/** Of each queue that a worker has registered, in order; on a cluster the key lies in its model's shard. */
export async function waitingKeys(url: string, cluster: boolean): Promise<WaitingKey[]> {
  const quick = { retryStrategy: () => null, connectTimeout: 3_000 };
  const redis = cluster ? connectCluster(url) : connectRedis(url, 'commands', quick);
  try {
    await redis.connect();
    const queues = await redis.hkeys(queuesKey(shardPrefix(0)));
    return await Promise.all(
      queues.toSorted().map(async (queue) => {
        const [model = queue] = queue.split('@');
        const key = `${queueBase(shardPrefix(shardOfModel(model, cluster)), queue)}prioritized`;
        return { queue, key, jobs: await redis.zcard(key) };
      }),
    );
  } finally {
    redis.disconnect();
  }
}
