/** The one door to ioredis. Nothing is resent and nothing queues up while Redis is away: callers hear of it at once. */
import { Redis, type RedisOptions } from 'ioredis';

export type { Redis } from 'ioredis';

type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

export type RedisRole = 'commands' | 'blocking';

/**
 * What was asked is given up by its own timeout first. A connection silent for this long is dead, though nobody may ever
 * say so (a machine that vanished, a firewall that forgot): another one is made.
 */
const DEAD_SOCKET_MS = 2_000;
/** Nobody blocks for longer. */
const LONGEST_BLOCK_MS = 1_000;

/**
 * @param url `redis://` or `rediss://`
 * @param role `blocking` for a connection that waits in BZPOPMIN or XREAD: it has no command timeout
 */
export function connectRedis(url: string, role: RedisRole, extra: ConnectionOptions = {}): Redis {
  const options: ConnectionOptions = {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // With the connection gone, whatever waits on it fails at once: a promise that never settles would stop a loop.
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
    enableReadyCheck: true,
    ...(role === 'commands'
      ? { commandTimeout: 750, socketTimeout: Math.max(DEAD_SOCKET_MS, extra.commandTimeout ?? 0) }
      : { blockingTimeout: 2_000, blockingTimeoutGrace: 1_000, socketTimeout: LONGEST_BLOCK_MS + DEAD_SOCKET_MS }),
    ...extra,
  };
  const redis = new Redis(url, options);
  // Without a listener the process would die; whoever runs a command hears of the failure through its promise.
  redis.on('error', () => undefined);
  return redis;
}
