/** A Redis Cluster of three masters for a test: its slots in equal parts, each node killed and restarted at will. */
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { freePort } from '../../apps/cli/src/redis/private-redis.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { until } from './system.ts';

export type TestCluster = {
  /** All nodes, with commas between them. */
  readonly urls: string;
  readonly nodes: readonly TestRedis[];
  /** Which of the nodes has a slot. */
  ownerOf(slot: number): number;
  /** Of one node; never of another. */
  ask<T>(node: number, call: (redis: Redis) => Promise<T>): Promise<T>;
  /** @returns the new node, which knows all that its master knows */
  addReplica(of: number): Promise<number>;
  stop(): Promise<void>;
};

const SLOTS = 16_384;
const SETTINGS = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--maxmemory', '256mb'];
const KEPT = ['--appendonly', 'yes', '--appendfsync', 'always'];

async function withNode<T>({ url }: TestRedis, call: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = connectRedis(url, 'commands', { retryStrategy: () => null, commandTimeout: 5_000 });
  try {
    await redis.connect();
    return await call(redis);
  } finally {
    redis.disconnect();
  }
}

export async function startCluster(count = 3): Promise<TestCluster> {
  // The bus has a port of its own: the usual one, 10,000 above, may be beyond the last.
  const started = await Promise.all(
    Array.from({ length: count }, async () => {
      const bus = await freePort();
      return { bus, node: await startRedis([...SETTINGS, ...KEPT, '--cluster-port', String(bus)]) };
    }),
  );
  const nodes = started.map(({ node }) => node);
  const first = (part: number): number => Math.ceil((part * SLOTS) / count);
  for (const [i, { node }] of started.entries())
    await withNode(node, async (redis) => {
      const slots = Array.from({ length: first(i + 1) - first(i) }, (_, slot) => first(i) + slot);
      await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
      await redis.call('CLUSTER', 'ADDSLOTS', ...slots);
      const [met] = started;
      if (i > 0 && met) await redis.call('CLUSTER', 'MEET', '127.0.0.1', met.node.port, met.bus);
    });
  for (const node of nodes)
    await until('a node knows the whole cluster', () =>
      withNode(node, async (redis) => {
        const info = String(await redis.call('CLUSTER', 'INFO'));
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`) ? true : undefined;
      }),
    );
  const nodeAt = (node: number): TestRedis => {
    const found = nodes[node];
    if (!found) throw new Error(`there is no node ${node}`);
    return found;
  };
  return {
    urls: nodes.map(({ url }) => url).join(','),
    nodes,
    ownerOf: (slot) => Array.from({ length: count }, (_, i) => i).findLast((i) => first(i) <= slot) ?? 0,
    ask: async (node, call) => withNode(nodeAt(node), call),
    async addReplica(of) {
      const master = started[of];
      const bus = await freePort();
      const replica = await startRedis([...SETTINGS, ...KEPT, '--cluster-port', String(bus)]);
      nodes.push(replica);
      const id = await withNode(nodeAt(of), async (redis) => String(await redis.call('CLUSTER', 'MYID')));
      await withNode(replica, async (redis) => {
        await redis.call('CLUSTER', 'MEET', '127.0.0.1', nodeAt(of).port, master?.bus ?? 0);
        await until('it knows its master', async () => redis.call('CLUSTER', 'REPLICATE', id));
        await until('it follows', async () =>
          (await redis.info()).includes('master_link_status:up') ? true : undefined,
        );
      });
      return nodes.length - 1;
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
