/** Connections for a few questions: who does not answer is not asked again. */
import { connectCluster, connectMasters } from '@batchyard/shared/runtime/cluster';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

type Ask<T> = (redis: Redis) => Promise<T>;

async function askAndLeave<T>(redis: Redis, ask: Ask<T>): Promise<T> {
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

/** The first of these addresses that takes a connection: of a cluster a node may be down. */
async function connectToAny(urls: string): Promise<Redis> {
  let failed: unknown;
  for (const url of urls.split(',')) {
    const redis = connectRedis(url.trim(), 'commands', { retryStrategy: () => null, connectTimeout: 3_000 });
    try {
      await redis.connect();
      return redis;
    } catch (error) {
      redis.disconnect();
      failed = error;
    }
  }
  throw failed;
}

/** What a node says of itself: one Redis, or any node of a cluster. */
export const askAny = async <T>(urls: string, ask: Ask<T>): Promise<T> => askAndLeave(await connectToAny(urls), ask);

/** What is in whichever node has the key. */
export async function askAll<T>(urls: string, cluster: boolean, ask: Ask<T>): Promise<T> {
  if (!cluster) return askAny(urls, ask);
  return askAndLeave(connectCluster(urls), async (redis) => {
    await connectMasters(redis);
    return ask(redis);
  });
}
