/** What lies in a Redis, by kind of key: what is left after retention is named, so that it can be told from a leak. */
import type { Redis } from '@batchyard/shared/runtime/redis';

export type Left = { readonly kind: string; readonly keys: number; readonly mb: number };

const SCAN_COUNT = 500;

/** The key without the names of queues and the ids of jobs, gateways and workers. */
export function kindOf(key: string): string {
  const [, shard = '', own = ''] = /^\{(by\d+)\}:(x:)?/.exec(key) ?? [];
  const rest = key.slice(shard === '' ? 0 : shard.length + 3 + own.length);
  const [first = '', ...more] = rest.split(':');
  const isQueue = /@/.test(decodeURIComponent(first));
  const named = (isQueue ? more : [first, ...more]).find((part) => !/^[a-z2-7]{7}-|[0-9a-f-]{20,}/.test(part));
  return `${own}${isQueue ? '<queue>:' : ''}${named ?? '<job>'}`;
}

/** The largest first. */
export async function keysLeft(redis: Redis): Promise<Left[]> {
  const kinds = new Map<string, { keys: number; bytes: number }>();
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', SCAN_COUNT);
    cursor = String(next);
    for (const key of keys.map(String)) {
      const bytes = Number((await redis.call('MEMORY', 'USAGE', key)) ?? 0);
      const kind = kinds.get(kindOf(key)) ?? { keys: 0, bytes: 0 };
      kinds.set(kindOf(key), { keys: kind.keys + 1, bytes: kind.bytes + bytes });
    }
  } while (cursor !== '0');
  return Array.from(kinds, ([kind, { keys, bytes }]) => ({ kind, keys, mb: bytes / 1e6 })).toSorted(
    (a, b) => b.mb - a.mb,
  );
}
