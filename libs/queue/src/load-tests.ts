/** One load test at a time in the whole cluster, and what the last ones have found. */
import { KEPT_LOAD_TESTS, loadRunSchema, type LoadRun } from '@batchyard/shared/contract/load-test';
import { loadTestKey, loadTestsKey } from '@batchyard/shared/contract/redis-keys';

import type { QueueSettings } from './settings.ts';

export type LoadTests = {
  /** @returns whether it may run: nobody else's does. Until `renewLoadTest` has not been called for so long. */
  claimLoadTest(id: string, ttlMs: number): Promise<boolean>;
  renewLoadTest(id: string, ttlMs: number): Promise<void>;
  releaseLoadTest(id: string): Promise<void>;
  keepLoadTest(run: LoadRun): Promise<void>;
  /** The newest first. */
  loadTests(): Promise<LoadRun[]>;
};

const KEPT_S = 7 * 86_400;

/** What another version has written and cannot be read is left out. */
function read(text: string): LoadRun[] {
  try {
    return [loadRunSchema.parse(JSON.parse(text))];
  } catch {
    return [];
  }
}

export function createLoadTests({ commands, prefix }: QueueSettings): LoadTests {
  const claim = loadTestKey(prefix);
  const kept = loadTestsKey(prefix);
  // Read, then written: another gateway could only come between when this one has been silent for all of its time.
  const isOurs = async (id: string): Promise<boolean> => (await commands.get(claim)) === id;
  return {
    claimLoadTest: async (id, ttlMs) => (await commands.set(claim, id, 'PX', ttlMs, 'NX')) === 'OK',
    async renewLoadTest(id, ttlMs) {
      if (await isOurs(id)) await commands.pexpire(claim, ttlMs);
    },
    async releaseLoadTest(id) {
      if (await isOurs(id)) await commands.del(claim);
    },
    async keepLoadTest(run) {
      await commands
        .multi()
        .lpush(kept, JSON.stringify(run))
        .ltrim(kept, 0, KEPT_LOAD_TESTS - 1)
        .expire(kept, KEPT_S)
        .exec();
    },
    async loadTests() {
      const texts = await commands.lrange(kept, 0, KEPT_LOAD_TESTS - 1);
      return texts.flatMap(read);
    },
  };
}
