/** What Redis says of itself; of a cluster what its masters say together: sums, and of what must hold the worst. */
import { evicts, type Persistence } from '@batchyard/shared/contract/durability';
import { mastersOf } from '@batchyard/shared/runtime/cluster';
import type { Redis } from '@batchyard/shared/runtime/redis';

import type { QueueSettings } from './settings.ts';

/** Commands a second as Redis reckons them; `cpuS`: of its whole life. */
export type RedisLoad = {
  readonly usedBytes: number;
  readonly opsPerS: number;
  readonly cpuS: number;
};

/** Redis as an operator wants to see it. */
export type RedisFacts = {
  readonly version: string;
  readonly uptime_s: number;
  readonly used_bytes: number;
  /** 0 = without a bound. */
  readonly max_bytes: number;
  readonly policy: string;
  readonly append_only: boolean;
  /** `appendfsync`; null where CONFIG is not permitted. */
  readonly fsync: string | null;
  readonly last_save_failed: boolean;
  readonly ops_per_s: number;
  readonly clients: number;
  readonly blocked_clients: number;
  readonly evicted_keys: number;
  readonly fragmentation: number;
};

export type RedisFigures = {
  /** What admission and probes want to know of Redis itself. `memoryShare` is 0 where maxmemory is not set. */
  redisState(): Promise<Persistence & { readonly memoryShare: number; readonly load: RedisLoad }>;
  redisFacts(): Promise<RedisFacts>;
};

type Figures = { text(name: string): string; number(name: string): number };

function figuresOf(info: string): Figures {
  const text = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return { text, number: (name) => Number(text(name) || 0) };
}

/** Of those nodes that answer. @throws where none does */
async function askNodes<T>(redis: Redis, ask: (node: Redis) => Promise<T>): Promise<T[]> {
  const asked = await Promise.allSettled(mastersOf(redis).map(ask));
  const answers = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const [first] = asked;
  if (answers.length === 0) throw first?.status === 'rejected' ? first.reason : new Error('no master is known');
  return answers;
}

const persistenceOf = ({ text }: Figures): Persistence => ({
  appendOnly: text('aof_enabled') === '1',
  policy: text('maxmemory_policy'),
});

/** What holds of all of them. */
function worst(all: readonly Persistence[]): Persistence {
  const policy = (all.find(evicts) ?? all[0])?.policy ?? '';
  return { appendOnly: all.every((one) => one.appendOnly), policy };
}

function memoryShare({ number }: Figures): number {
  const most = number('maxmemory');
  return most > 0 ? number('used_memory') / most : 0;
}

/** `appendfsync`; null where CONFIG is not permitted. */
async function fsyncOf(node: Redis): Promise<string | null> {
  const told = await node.config('GET', 'appendfsync').catch(() => []);
  return (
    Object.values(told as object)
      .map(String)
      .at(-1) ?? null
  );
}

export function createRedisFigures({ commands }: QueueSettings): RedisFigures {
  const figures = (): Promise<Figures[]> => askNodes(commands, async (node) => figuresOf(await node.info()));
  return {
    async redisState() {
      const nodes = await figures();
      const sum = (...names: string[]): number =>
        nodes.reduce((total, node) => names.reduce((one, name) => one + node.number(name), total), 0);
      return {
        ...worst(nodes.map(persistenceOf)),
        memoryShare: Math.max(...nodes.map(memoryShare)),
        load: {
          usedBytes: sum('used_memory'),
          opsPerS: sum('instantaneous_ops_per_sec'),
          cpuS: sum('used_cpu_user', 'used_cpu_sys'),
        },
      };
    },
    async redisFacts() {
      const nodes = await figures();
      const sum = (name: string): number => nodes.reduce((total, node) => total + node.number(name), 0);
      const values = (name: string): number[] => nodes.map((node) => node.number(name));
      const { appendOnly, policy } = worst(nodes.map(persistenceOf));
      const [first] = nodes;
      const failed = ({ text }: Figures): boolean =>
        text('aof_last_write_status') === 'err' || text('rdb_last_bgsave_status') === 'err';
      return {
        version: first?.text('valkey_version') || first?.text('redis_version') || '',
        uptime_s: Math.min(...values('uptime_in_seconds')),
        used_bytes: sum('used_memory'),
        max_bytes: values('maxmemory').includes(0) ? 0 : sum('maxmemory'),
        policy,
        append_only: appendOnly,
        fsync: (await askNodes(commands, fsyncOf))[0] ?? null,
        last_save_failed: nodes.some(failed),
        ops_per_s: sum('instantaneous_ops_per_sec'),
        clients: sum('connected_clients'),
        blocked_clients: sum('blocked_clients'),
        evicted_keys: sum('evicted_keys'),
        fragmentation: Math.max(...values('mem_fragmentation_ratio')),
      };
    },
  };
}
