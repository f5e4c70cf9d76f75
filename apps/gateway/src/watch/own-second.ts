/** What this gateway tells of itself each second: its process, what it answers, and what it has counted. */
import { availableParallelism, hostname } from 'node:os';

import type { PriorityClass } from '@batchyard/shared/contract/job';
import type { Second } from '@batchyard/shared/contract/sample';

import { createTally } from '../monitor/tally.ts';

export type EndedRequest = {
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  /** Of what asked for a model that there is. */
  readonly queue: string | undefined;
  readonly priority: PriorityClass;
};

type Parts = {
  readonly gateway: string;
  readonly budgetBytes: number;
  readonly lookups: () => ReadonlyMap<string, { readonly hits: number; readonly misses: number }>;
};

export type OwnSecond = {
  began(): void;
  ended(request: EndedRequest): void;
  /** Since the last call. */
  take(): Second;
};

export function createOwnSecond({ gateway, budgetBytes, lookups }: Parts): OwnSecond {
  const tally = createTally();
  let concurrency = 0;
  let cpu = process.cpuUsage();
  let sinceMs = performance.now();
  return {
    began() {
      concurrency += 1;
    },
    ended({ route, status, seconds, queue, priority }) {
      concurrency -= 1;
      if (queue === undefined) return;
      tally.answered({ queue, priority, status, ms: route === 'infer' ? seconds * 1_000 : undefined });
    },
    take() {
      const { user, system } = process.cpuUsage(cpu);
      cpu = process.cpuUsage();
      const nowMs = performance.now();
      const cpuCores = (user + system) / 1_000 / Math.max(1, nowMs - sinceMs);
      sinceMs = nowMs;
      const own = {
        name: gateway,
        kind: 'gateway' as const,
        host: hostname(),
        cores: availableParallelism(),
        cpu_cores: cpuCores,
        rss_bytes: process.memoryUsage.rss(),
        budget_bytes: budgetBytes,
      };
      return { gateway, process: own, concurrency, models: tally.take(lookups()) };
    },
  };
}
