/** The worker's memory as the heartbeat and the metrics tell it, and the emergency clean-up once it is past its budget. */
import type { CopyCount, WorkerMemory } from '@batchyard/shared/contract/memory';

import { decideCleanUp } from '../memory/limits.ts';
import type { SlabPool, SlabStats } from '../memory/slab-pool.ts';

export function tellMemory(stats: SlabStats, copies: CopyCount, budgetBytes: number): WorkerMemory {
  return {
    budget_bytes: budgetBytes,
    pool: {
      limit_bytes: stats.limitBytes,
      used_bytes: stats.usedBytes,
      idle_bytes: stats.idleBytes,
      outside_bytes: stats.outsideBytes,
      high_water_bytes: stats.highWaterBytes,
      reuse_ratio: stats.reuseRatio,
      collections: stats.collections,
      emergencies: stats.emergencies,
      outside: stats.outside,
    },
    copies,
  };
}

type Told = { readonly rssBytes: number; readonly budgetBytes: number; readonly freedBytes: number };

/** @returns what is to be called with the RSS once a second */
export function watchMemory(
  pool: Pick<SlabPool, 'stats' | 'cleanUp'>,
  budgetBytes: number,
  onCleanUp: (told: Told) => void,
): (rssBytes: number, nowMs: number) => void {
  let cleanedAt = -Infinity;
  return (rssBytes, nowMs) => {
    if (!decideCleanUp({ rssBytes, budgetBytes }, pool.stats(), nowMs - cleanedAt)) return;
    cleanedAt = nowMs;
    onCleanUp({ rssBytes, budgetBytes, freedBytes: pool.cleanUp() });
  };
}

/** @returns what is to be called with each check-in: when what it says changes, everything idle goes */
export function followCleanUps(pool: Pick<SlabPool, 'cleanUp'>, collect: () => void): (asked: string) => void {
  let last: string | undefined;
  return (asked) => {
    if (last !== undefined && asked !== last) {
      pool.cleanUp();
      collect();
    }
    last = asked;
  };
}
