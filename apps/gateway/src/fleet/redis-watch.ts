/** Whether Redis still keeps what it is given: asked at each refresh, because its settings can change while it runs. */
import type { RedisLoad } from '@batchyard/queue/redis-figures';
import { durabilityProblem, keepsJobs, type Durability, type Persistence } from '@batchyard/shared/contract/durability';

type Problem = NonNullable<ReturnType<typeof durabilityProblem>>;

export type RedisWatch = {
  /** @returns the share of maxmemory in use */
  memoryShare(): Promise<number>;
  /** Accepted jobs outlive a restart of Redis. */
  durable(): boolean;
  problem(): Problem | undefined;
  /** As it was at the last look. */
  load(): RedisLoad;
};

type Parts = {
  readonly redisState: () => Promise<Persistence & { readonly memoryShare: number; readonly load: RedisLoad }>;
  readonly durability: Durability;
  /** The address of Redis as it may be shown. */
  readonly shown: string;
  readonly report: (detail: Record<string, unknown>, sentence: string) => void;
};

export function createRedisWatch({ redisState, durability, shown, report }: Parts): RedisWatch {
  let durable: boolean | undefined;
  let problem: Problem | undefined;
  let load: RedisLoad = { usedBytes: 0, opsPerS: 0, cpuS: 0 };
  return {
    async memoryShare() {
      const { memoryShare, load: seen, ...persistence } = await redisState();
      load = seen;
      problem = durabilityProblem(persistence, durability, shown);
      const keeps = keepsJobs(persistence);
      if (durable !== undefined && keeps !== durable)
        report({ ...persistence, ...problem }, keeps ? 'Redis keeps jobs again' : 'Redis no longer keeps jobs');
      durable = keeps;
      return memoryShare;
    },
    durable: () => durable === true,
    problem: () => problem,
    load: () => load,
  };
}
