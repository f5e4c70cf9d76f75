/** Each rule with real processes: its condition is brought about, what its change did is measured, and people ask for it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import type { CacheLimits, Measured, TuningAction, TuningRule, TuningRun } from '@batchyard/shared/contract/tuning';

import { createRandom } from '@batchyard/loadtest/plan/random';
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
  await makeTestModels(models, ['slow', 'slower', 'identity_cached']);
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

/** A system of its own in which only this rule acts, at this threshold, no sooner again than after so many seconds. */
async function withRule(
  [rule, threshold, cooldown_s, window_s = 4]: readonly [TuningRule, number, number, number?],
  env: Record<string, string>,
  check: (system: System) => Promise<void>,
): Promise<void> {
  const rules = { ...NEVER, [rule]: { threshold, cooldown_s } };
  const system = await startSystem({
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_TUNING: 'on',
    BATCHYARD_TUNING_RULES: JSON.stringify({ window_s, settle_s: 2, rules }),
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
async function setBatching({ ops }: System, model: string, change: unknown): Promise<void> {
  const answer = await fetch(`${ops}/v1/models/${model}/batching`, { method: 'PUT', body: JSON.stringify(change) });
  assert.equal(answer.status, 200);
}

/** What a person is told that the rule would do now. */
async function wouldDo({ ops }: System, rule: TuningRule): Promise<TuningAction | undefined> {
  const answer = await fetch(`${ops}/v1/optimizations/${rule}/run?dry_run=1`, { method: 'POST' });
  const { would_do } = (await answer.json()) as { would_do: { action: TuningAction } | null };
  assert.equal(answer.status, 200);
  return would_do?.action;
}
/** A person has it run; @returns once it has begun */
async function runByHand(system: System, rule: TuningRule): Promise<TuningRun> {
  const earlier = (await told(system)).runs.filter(({ by }) => by === 'hand').length;
  const answer = await fetch(`${system.ops}/v1/optimizations/${rule}/run`, { method: 'POST' });
  assert.equal(answer.status, 202);
  return until(
    `a run of ${rule} by hand`,
    async () => {
      const own = (await told(system)).runs.filter(({ by }) => by === 'hand');
      return own.length > earlier ? own[0] : undefined;
    },
    LIMIT_MS,
  );
}
const ended = (system: System, { id }: TuningRun): Promise<TuningRun & { after: Measured }> =>
  until(
    `the end of ${id}`,
    async () => {
      const run = (await told(system)).runs.find((one) => one.id === id && one.outcome !== 'measuring');
      return run?.after ? { ...run, after: run.after } : undefined;
    },
    LIMIT_MS,
  );
/** How it went, for whoever reads the test's output. */
const line = ({ rule, by, outcome, metric, before: earlier, after: later }: TuningRun): string =>
  `${rule} by ${by}: ${metric} ${earlier.mean.toPrecision(3)} → ${later?.mean.toPrecision(3)}, ${outcome}`;

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
    withRule(['queue_management', 3, 1], {}, async (system) => {
      // Eight clients never fill a batch of sixteen.
      await setBatching(system, 'slower', { strategy: 'dynamic', max_wait_ms: 3_000 });
      await underLoad(8, askSlower(system), async () => {
        const run = await ranRule(system, 'queue_management', ({ outcome }) => outcome !== 'unmeasured');
        assert.ok(run.action.kind === 'batching' && run.before.mean > 3, JSON.stringify(run));
        assert.equal(run.action.to.max_wait_ms, 2_100);
        assert.equal((await told(system)).rules.find(({ rule }) => rule === 'queue_management')?.runs !== 0, true);
      });
      await setBatching(system, 'slower', {});
    }),
);

const MIB = 1_048_576;
/** A result of 4 MiB that is kept, another one for each number. */
async function keepLarge({ url }: System, number: number): Promise<void> {
  const floats = new Float32Array(MIB).fill(number);
  const head = JSON.stringify({
    inputs: [
      { name: 'INPUT0', shape: [1, MIB], datatype: 'FP32', parameters: { binary_data_size: floats.byteLength } },
    ],
    parameters: { binary_data_output: true },
  });
  const answer = await fetch(`${url}/v2/models/identity_cached/infer`, {
    method: 'POST',
    body: new Blob([head, floats]),
    headers: { 'inference-header-content-length': String(head.length) },
  });
  await answer.arrayBuffer();
  assert.equal(answer.status, 200);
}
type Tier = { readonly entries: number; readonly bytes: number; readonly limit_bytes: number };
const memoryTier = async ({ ops }: System): Promise<Tier> =>
  ((await (await fetch(`${ops}/v1/cache`)).json()) as { tiers: { memory: Tier } }).tiers.memory;
const idleSlabs = async ({ ops }: System): Promise<number> => {
  const answer = (await (await fetch(`${ops}/v1/memory`)).json()) as { workers: { pool?: { idle_bytes: number } }[] };
  return answer.workers.reduce((sum, { pool }) => sum + (pool?.idle_bytes ?? 0), 0);
};

test(
  'high_memory_cleanup: a gateway full of kept results lets them go, and its workers their idle slabs',
  { timeout: 200_000 },
  (t) =>
    withRule(
      ['high_memory_cleanup', 0.6, 600],
      // A budget of 512 MiB: half for kept results, 192 for the gateway itself.
      {
        BATCHYARD_CACHE: 'memory',
        BATCHYARD_CACHE_BYTES: String(256 * MIB),
        BATCHYARD_MAX_BYTES_IN_FLIGHT: String(64 * MIB),
      },
      async (system) => {
        let asked = 0;
        const begun = async (): Promise<TuningRun | undefined> =>
          (await told(system)).runs.find(({ rule }) => rule === 'high_memory_cleanup');
        let run = await begun();
        for (; !run && asked < 1_000; asked += 1) {
          await keepLarge(system, asked);
          run = await begun();
        }
        assert.ok(run);
        const own = await ended(system, run);
        t.diagnostic(line(own));
        assert.equal(own.outcome, 'kept');
        assert.ok(own.before.mean > 0.6 && own.after.mean < own.before.mean - 0.1, line(own));
        assert.ok((await memoryTier(system)).entries <= 1);
        await until('no slab is idle', async () => ((await idleSlabs(system)) === 0 ? true : undefined));

        for (let i = 0; i < 3; i += 1) await keepLarge(system, 2_000 + i);
        await until('a slab is idle', async () => ((await idleSlabs(system)) > 0 ? true : undefined));
        const kept = (await memoryTier(system)).entries;
        assert.deepEqual(await wouldDo(system, 'high_memory_cleanup'), { kind: 'clean_up' });
        assert.equal((await memoryTier(system)).entries, kept);
        const byHand = await runByHand(system, 'high_memory_cleanup');
        assert.equal(byHand.by, 'hand');
        await until('nothing is kept', async () =>
          (await memoryTier(system)).entries === 0 && (await idleSlabs(system)) === 0 ? true : undefined,
        );
      },
    ),
);

const INPUTS = 240;
/** One of so many inputs, each as likely as any other. */
function askAgain({ url }: System): () => Promise<void> {
  const random = createRandom(7);
  return async () => {
    const body = oneRow('INPUT0', 'FP32', [Math.floor(random() * INPUTS), 0, 0, 0]);
    const answer = await post(`${url}/v2/models/identity_cached/infer`, body);
    await answer.arrayBuffer();
  };
}

test(
  'cache_optimization: where room is short it grows and more is found, and what a person sets meanwhile stays',
  { timeout: 200_000 },
  (t) =>
    withRule(
      ['cache_optimization', 0.9, 600],
      // Room for less than a third of what is asked for.
      { BATCHYARD_CACHE: 'memory', BATCHYARD_CACHE_BYTES: '65536' },
      async (system) => {
        const limit = async (): Promise<number> => (await memoryTier(system)).limit_bytes;
        await underLoad(8, askAgain(system), async () => {
          const first = await ranRule(system, 'cache_optimization');
          t.diagnostic(line(first));
          assert.equal(first.outcome, 'kept', line(first));
          assert.ok(first.before.mean < 0.9, line(first));
          assert.equal(await limit(), 78_643);

          const action = await wouldDo(system, 'cache_optimization');
          assert.ok(action?.kind === 'cache' && action.to.bytes === 94_372, JSON.stringify(action));
          assert.equal(await limit(), 78_643);
          const second = await ended(system, await runByHand(system, 'cache_optimization'));
          t.diagnostic(line(second));
          assert.deepEqual([second.outcome, second.by, second.action], ['kept', 'hand', action]);
          assert.equal(await limit(), 94_372);
          // A fifth more room twice: so much more is found, whatever else the machine does.
          assert.ok(second.after.mean > first.before.mean + 0.05, `${line(first)}; ${line(second)}`);

          const third = await runByHand(system, 'cache_optimization');
          const own: CacheLimits = { bytes: 70_000, ttl_s: 500 };
          const answer = await fetch(`${system.ops}/v1/cache`, { method: 'PUT', body: JSON.stringify(own) });
          assert.equal(answer.status, 202);
          assert.equal((await ended(system, third)).outcome, 'overruled');
          await until('it has what the person asked for', async () => ((await limit()) === 70_000 ? true : undefined));
        });
        assert.equal((await fetch(`${system.ops}/v1/cache`, { method: 'PUT', body: '{}' })).status, 202);
      },
    ),
);

const askSlow =
  ({ url }: System) =>
  async (seed: number): Promise<void> => {
    const answer = await post(`${url}/v2/models/slow/infer`, oneRow('INPUT0', 'FP32', [seed % 1_000, 0, 0, 0]));
    await answer.arrayBuffer();
  };

test(
  'batch_size_optimization: batches that never fill become smaller and go at once; what makes them wait again is taken back',
  { timeout: 200_000 },
  (t) =>
    withRule(['batch_size_optimization', 1_200, 10, 6], {}, async (system) => {
      const capOf = (action: TuningAction | undefined): number | undefined =>
        action?.kind === 'batching' ? action.to.max_rows : undefined;
      // What the tests before this one have run is no longer looked at.
      await until('nothing is to be done', async () =>
        (await wouldDo(system, 'batch_size_optimization')) === undefined ? true : undefined,
      );
      // Sixteen rows are waited for, and there are twelve.
      await setBatching(system, 'slow', { strategy: 'dynamic', max_wait_ms: 1_400 });
      await underLoad(12, askSlow(system), async () => {
        const first = await ranRule(system, 'batch_size_optimization', ({ outcome }) => outcome !== 'unmeasured');
        t.diagnostic(line(first));
        assert.deepEqual([capOf(first.action), first.outcome], [12, 'kept'], line(first));
        assert.ok(first.after && first.after.mean < first.before.mean / 2, line(first));

        // So fast, it may have more rows again.
        const second = await ranRule(system, 'batch_size_optimization', ({ outcome }) => outcome === 'rolled_back');
        t.diagnostic(line(second));
        assert.equal(capOf(second.action), 15, line(second));
        const now = await fetch(`${system.ops}/v1/models/slow/batching`);
        const { versions } = (await now.json()) as { versions: { changed: unknown }[] };
        assert.deepEqual(versions[0]?.changed, { strategy: 'dynamic', max_wait_ms: 1_400, max_rows: 12 });

        assert.equal(capOf(await wouldDo(system, 'batch_size_optimization')), 9);
        const byHand = await ended(system, await runByHand(system, 'batch_size_optimization'));
        t.diagnostic(line(byHand));
        assert.deepEqual([byHand.by, capOf(byHand.action)], ['hand', 9]);
      });
      await setBatching(system, 'slow', {});
    }),
);
