/** A rule with real processes: its condition is brought about, and what its change did is measured. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import type { TuningRule, TuningRun } from '@batchyard/shared/contract/tuning';

import { makeTestModels } from '../../models/make-test-models.ts';
import { oneRow } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let redis: TestRedis;
let models: string;
before(async () => {
  redis = await startRedis();
  models = await mkdtemp(join(tmpdir(), 'batchyard-tuning-'));
  await makeTestModels(models, ['slower']);
});
after(async () => {
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const LIMIT_MS = 90_000;
const NEVER: Readonly<Record<TuningRule, { threshold: number }>> = {
  high_memory_cleanup: { threshold: 1e9 },
  queue_management: { threshold: 1e9 },
  // Below half of it a lowered cap would be raised.
  batch_size_optimization: { threshold: 1e9 },
  cache_optimization: { threshold: 0 },
};

/** A system of its own in which only this rule acts, at this threshold. */
async function withRule(
  [rule, threshold]: readonly [TuningRule, number],
  env: Record<string, string>,
  check: (system: System) => Promise<void>,
): Promise<void> {
  const rules = { ...NEVER, [rule]: { threshold, cooldown_s: 1 } };
  const system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_TUNING: 'on',
    BATCHYARD_TUNING_RULES: JSON.stringify({ window_s: 4, settle_s: 2, rules }),
    BATCHYARD_THREADS: '1',
    ...env,
  });
  try {
    await check(system);
  } finally {
    await system.stop();
  }
}

type Told = {
  readonly runs: TuningRun[];
  readonly rules: { rule: string; runs: number; median_change: number | null }[];
};
const told = async ({ ops }: System): Promise<Told> => (await (await fetch(`${ops}/v1/optimizations`)).json()) as Told;
/** The first one that fits, of this rule. */
const ranRule = (
  system: System,
  rule: TuningRule,
  fits: (run: TuningRun) => boolean = () => true,
): Promise<TuningRun> =>
  until(
    `a run of ${rule}`,
    async () => (await told(system)).runs.toReversed().find((run) => run.rule === rule && run.after && fits(run)),
    LIMIT_MS,
  );
async function setBatching({ ops }: System, change: unknown): Promise<void> {
  const answer = await fetch(`${ops}/v1/models/slower/batching`, { method: 'PUT', body: JSON.stringify(change) });
  assert.equal(answer.status, 200);
}

/** Requests without a break from so many clients while `during` goes on. */
async function underLoad<T>(
  clients: number,
  ask: (seed: number) => Promise<unknown>,
  during: () => Promise<T>,
): Promise<T> {
  let running = true;
  const all = Array.from({ length: clients }, async (_, client) => {
    for (let i = 0; running; i += 1) await ask(client * 100_000 + i);
  });
  try {
    return await during();
  } finally {
    running = false;
    await Promise.allSettled(all);
  }
}
const askSlower =
  ({ url }: System) =>
  async (seed: number): Promise<void> => {
    const answer = await post(`${url}/v2/models/slower/infer`, oneRow('INPUT0', 'FP32', [seed % 1_000, 0, 0, 0]));
    await answer.arrayBuffer();
  };

test(
  'queue_management: batches that wait for others too long wait less, and fewer jobs wait',
  { timeout: 200_000 },
  () =>
    withRule(['queue_management', 3], {}, async (system) => {
      // Eight clients never fill a batch of sixteen.
      await setBatching(system, { strategy: 'dynamic', max_wait_ms: 3_000 });
      await underLoad(8, askSlower(system), async () => {
        const run = await ranRule(system, 'queue_management', ({ outcome }) => outcome !== 'unmeasured');
        assert.ok(run.action.kind === 'batching' && run.before.mean > 3, JSON.stringify(run));
        assert.equal(run.action.to.max_wait_ms, 2_100);
        assert.equal((await told(system)).rules.find(({ rule }) => rule === 'queue_management')?.runs !== 0, true);
      });
      await setBatching(system, {});
    }),
);
