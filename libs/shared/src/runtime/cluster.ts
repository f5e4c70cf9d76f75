/**
 * A Redis Cluster behind the same door: commands go to the master that has their key's slot, by ioredis' own client, and
 * as on a single Redis nothing is resent whose effect is not known. What blocks has a connection of its own for each slot.
 */
import { Cluster } from 'ioredis';

import { connectRedis, NODE_OPTIONS, retryMs, type Redis } from './redis.ts';

/** What a connection that blocks is for. */
export type Blocking = Pick<Redis, 'bzpopmin' | 'xreadBuffer'>;
export type SlotConnection = Blocking & { disconnect(): void };

type Extra = { readonly connectionName?: string };

const SLOTS_REFRESH_MS = 5_000;
/** MOVED and ASK say where a command belongs: it had no effect where it was. */
const MOST_REDIRECTIONS = 5;

const addresses = (urls: string): string[] => urls.split(',').map((url) => url.trim());

/**
 * @param urls of one or more nodes, with commas between them; the others are found through these
 * @returns the cluster as what takes commands; what each node tells of itself is asked through `mastersOf`
 */
export function connectCluster(urls: string, extra: Extra = {}): Redis {
  const nodes = addresses(urls);
  const { protocol, username, password } = new URL(nodes[0] ?? '');
  const cluster = new Cluster(nodes, {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryMs,
    maxRedirections: MOST_REDIRECTIONS,
    // No answer and no cluster are told at once, as by a single Redis; who asked knows whether to ask again.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    redisOptions: {
      ...NODE_OPTIONS,
      ...(username ? { username: decodeURIComponent(username) } : {}),
      ...(password ? { password: decodeURIComponent(password) } : {}),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
      ...extra,
    },
  });
  cluster.on('error', () => undefined);
  cluster.on('node error', () => undefined);
  // The commands are the same by name and answer; their types differ in what is never used here.
  return cluster as unknown as Redis;
}

/** Connects to each master before the first command: until then the first of several at once would be refused. */
export async function connectMasters(cluster: Redis): Promise<void> {
  await cluster.connect();
  await Promise.allSettled(mastersOf(cluster).map((node) => node.ping()));
}

/** The masters of a cluster, as far as they are known; a single Redis is its own. */
export function mastersOf(redis: Redis): Redis[] {
  return redis.isCluster ? (redis as unknown as Cluster).nodes('master') : [redis];
}

function addressOf(url: string, node: string): string {
  const address = new URL(url);
  const colon = node.lastIndexOf(':');
  const host = node.slice(0, colon);
  address.hostname = host.includes(':') ? `[${host}]` : host;
  address.port = node.slice(colon + 1);
  return address.toString();
}

/** A connection that may block, to whichever master has the slot at the time. */
export function blockOnSlot(commands: Redis, urls: string, slot: number, extra: Extra = {}): SlotConnection {
  const cluster = commands as unknown as Cluster;
  const [url = ''] = addresses(urls);
  let open: { readonly node: string; readonly redis: Redis; readonly connected: Promise<unknown> } | undefined;

  async function link(): Promise<Redis> {
    const node = cluster.slots[slot]?.[0];
    if (node === undefined) throw new Error('no master has this part of the cluster');
    if (open?.node !== node) {
      open?.redis.disconnect();
      const redis = connectRedis(addressOf(url, node), 'blocking', extra);
      // Where it fails the connection tries again by itself, and what is asked meanwhile fails.
      open = { node, redis, connected: redis.connect().catch(() => undefined) };
    }
    const { redis, connected } = open;
    await connected;
    return redis;
  }
  async function ask<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await call(await link());
    } catch (error) {
      if (error instanceof Error && /^(MOVED|CLUSTERDOWN|UNBLOCKED)\b/.test(error.message)) cluster.refreshSlotsCache();
      throw error;
    }
  }
  return {
    bzpopmin: ((...args: Parameters<Redis['bzpopmin']>) =>
      ask((redis) => redis.bzpopmin(...args))) as Redis['bzpopmin'],
    xreadBuffer: ((...args: Parameters<Redis['xreadBuffer']>) =>
      ask((redis) => redis.xreadBuffer(...args))) as Redis['xreadBuffer'],
    disconnect: () => open?.redis.disconnect(),
  };
}
