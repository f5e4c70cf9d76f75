/**
 * Processes are killed with SIGKILL while requests and jobs with unique inputs are under way. Nothing accepted is lost,
 * every result is that of its own input, no healthy job fails, and what a dead worker held runs again soon.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const ROUNDS = 10;
const JOBS_A_ROUND = 100;
const REQUESTS_A_ROUND = 20;

let redis: TestRedis;
let system: System;
let models: string;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-kills-'));
  await makeTestModels(models, ['slow']);
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_WORKERS: '2', BATCHYARD_MODELS: models });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Ack = { readonly seed: number; readonly id: string };
type JobLine = {
  readonly status: string;
  readonly deliveries: number;
  readonly submitted_at: string;
  readonly timeline: { readonly started: number };
};

/** Four numbers that only this seed has. */
const valuesOf = (seed: number): number[] => [seed, seed + 0.25, -1 - seed, 0.5];
const bodyOf = (seed: number): unknown => ({
  inputs: [{ name: 'INPUT0', shape: [1, 4], datatype: 'FP32', data: valuesOf(seed) }],
});

function check(seed: number, answer: Answer): void {
  assert.deepEqual(
    answer.outputs[0]?.data,
    valuesOf(seed).map((value) => 2 * value),
  );
}

/** Submits until it is accepted; what was refused is tried again under a new job. */
async function submit(seed: number): Promise<Ack> {
  return until(
    `job ${seed} is accepted`,
    async () => {
      const answer = await post(`${system.url}/v1/models/slow/jobs`, bodyOf(seed), {
        'batchyard-timeout-ms': '120000',
      });
      const body = (await answer.json()) as { id: string };
      return answer.status === 202 ? { seed, id: body.id } : undefined;
    },
    60_000,
  );
}

async function checkResult({ seed, id }: Ack): Promise<void> {
  const answer = await until(
    `result of ${id}`,
    async () => {
      const got = await fetch(`${system.url}/v1/jobs/${id}/result?wait=30s`);
      const body: unknown = await got.json();
      if (got.status === 202 || got.status === 503) return undefined;
      assert.equal(got.status, 200, JSON.stringify(body));
      return body as Answer;
    },
    120_000,
  );
  check(seed, answer);
}

/** A request that waits for its answer; a worker's death in between must not show. */
async function infer(seed: number): Promise<void> {
  const answer = await post(`${system.url}/v2/models/slow/infer`, bodyOf(seed), { 'batchyard-timeout-ms': '60000' });
  const body: unknown = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  check(seed, body as Answer);
}

const seedsFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const killed = new Set<number>();

/** Two workers serve, and their process ids; the list may still show one that was killed a moment ago. */
async function twoServing(): Promise<number[]> {
  return until('two workers serve', async () => {
    const serving = (await system.workers()).filter((worker) => worker.state === 'serving' && !killed.has(worker.pid));
    return serving.length >= 2 ? serving.map((worker) => worker.pid) : undefined;
  });
}

/** How long after the kill the jobs of the dead worker ran again, ms. */
async function rerunDelays(acks: readonly Ack[], killedAt: number): Promise<number[]> {
  const lines = await Promise.all(
    acks.map(async ({ id }) => (await (await fetch(`${system.url}/v1/jobs/${id}`)).json()) as JobLine),
  );
  assert.ok(lines.every((line) => line.status === 'succeeded'));
  const again = lines.filter((line) => line.deliveries > 1);
  return again
    .map((line) => Date.parse(line.submitted_at) + line.timeline.started - killedAt)
    .filter((delay) => delay >= 0);
}

test(
  `${ROUNDS * JOBS_A_ROUND} jobs and ${ROUNDS * REQUESTS_A_ROUND} requests survive ${ROUNDS} kills of a worker`,
  { timeout: 240_000 },
  async (t) => {
    const delays: number[] = [];
    const ids = new Set<string>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const [victim = 0] = await twoServing();
      const acks: Ack[] = [];
      const requests = Promise.all(seedsFrom(1_000_000 + 1_000 * round, REQUESTS_A_ROUND).map(infer));
      const load = Promise.all(
        seedsFrom(1_000 * round, JOBS_A_ROUND).map(async (seed) => acks.push(await submit(seed))),
      );
      await until('half of the jobs are accepted', async () => (acks.length >= JOBS_A_ROUND / 2 ? true : undefined));
      killed.add(victim);
      process.kill(victim, 'SIGKILL');
      const killedAt = Date.now();
      await load;
      await requests;
      await Promise.all(acks.map(checkResult));
      for (const { id } of acks) ids.add(id);
      delays.push(...(await rerunDelays(acks, killedAt)));
    }
    t.diagnostic(
      `jobs ${ids.size}; run again ${delays.length}: median ${median(delays)} ms, longest ${Math.max(0, ...delays)} ms after the kill`,
    );
    assert.equal(ids.size, ROUNDS * JOBS_A_ROUND);
    assert.ok(delays.length > 0, 'no kill hit a job');
    assert.ok(Math.max(...delays) <= 5_000);
  },
);

test('accepted jobs survive a SIGKILL of Redis', { timeout: 120_000 }, async () => {
  const acks: Ack[] = [];
  const load = Promise.all(
    seedsFrom(3_000_000, 8).map(async (first) => {
      for (let i = 0; i < 40; i += 1) acks.push(await submit(first + 100 * i));
    }),
  );
  await until('some are accepted', async () => (acks.length > 50 ? true : undefined));
  await redis.kill9();
  await redis.restart();
  await load;
  await Promise.all(acks.map(checkResult));
  assert.equal(acks.length, 320);
});
