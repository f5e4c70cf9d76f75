/** The way of one process to its queues: one Redis, or a cluster whose queues are spread over 16 shards. */
import { modelOfQueue } from '@batchyard/shared/contract/model';
import { shardOfModel, shardPrefix, SHARDS, slotOfShard } from '@batchyard/shared/contract/redis-keys';
import { blockOnSlot, connectCluster, connectMasters } from '@batchyard/shared/runtime/cluster';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { createClusterOperations } from './cluster-operations.ts';
import { createQueueOperations, type QueueOperations } from './queue.ts';
import type { ReplyStream } from './replies.ts';
import type { QueueSettings } from './settings.ts';

export type QueueLink = {
  readonly queue: QueueOperations;
  /** For commands on keys of one shard. */
  readonly commands: Redis;
  /** BullMQ's prefix of a queue. */
  readonly prefixOf: (queue: string) => string;
  /** A gateway has a reply stream in each shard. */
  readonly replyStreams: readonly ReplyStream[];
  /** Which of them tells of a queue's jobs. */
  readonly shardOf: (queue: string) => number;
  connect(): Promise<void>;
  disconnect(): void;
};

type Place = {
  /** Of a cluster one or more nodes, with commas between them. */
  readonly url: string;
  readonly cluster: boolean;
  readonly connectionName?: string;
};
type Settings = Omit<QueueSettings, 'commands' | 'prefix'>;

function openSingle({ url, connectionName }: Place, settings: Settings): QueueLink {
  const called = connectionName === undefined ? {} : { connectionName };
  const commands = connectRedis(url, 'commands', called);
  const blocking = connectRedis(url, 'blocking', called);
  const prefix = shardPrefix(0);
  const queue = createQueueOperations({ ...settings, commands, blocking, prefix });
  return {
    queue,
    commands,
    prefixOf: () => prefix,
    replyStreams: [queue.replies],
    shardOf: () => 0,
    async connect() {
      await Promise.all([commands.connect(), blocking.connect()]);
    },
    disconnect() {
      commands.disconnect();
      blocking.disconnect();
    },
  };
}

function openCluster({ url, connectionName }: Place, settings: Settings): QueueLink {
  const called = connectionName === undefined ? {} : { connectionName };
  const commands = connectCluster(url, called);
  const places = Array.from({ length: SHARDS }, (_, shard) => ({
    prefix: shardPrefix(shard),
    blocking: blockOnSlot(commands, url, slotOfShard(shard), called),
  }));
  const shards = places.map((place) => createQueueOperations({ ...settings, ...place, commands }));
  const shardOf = (queue: string): number => shardOfModel(modelOfQueue(queue).model, true);
  return {
    queue: createClusterOperations({ shards, shardOf, commands }),
    commands,
    prefixOf: (queue) => shardPrefix(shardOf(queue)),
    replyStreams: shards.map(({ replies }) => replies),
    shardOf,
    connect: () => connectMasters(commands),
    disconnect() {
      for (const { blocking } of places) blocking.disconnect();
      commands.disconnect();
    },
  };
}

export function openQueues(place: Place, settings: Settings = {}): QueueLink {
  return place.cluster ? openCluster(place, settings) : openSingle(place, settings);
}
