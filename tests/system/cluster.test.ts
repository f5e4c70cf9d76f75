/**
 * The whole product on a Redis Cluster of three masters: several models whose queues lie on all of them, and SIGKILL of
 * workers, of the gateway and of a master while requests and jobs with unique inputs are under way. Nothing accepted is lost.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { shardOfModel, slotOfShard } from '@batchyard/shared/contract/redis-keys';

import { writeModelFolder } from '../../models/model-folder.ts';
import { TEST_MODELS } from '../../models/test-models.ts';
import { ended, oneRow, resultOf } from '../support/jobs.ts';
import { processesOf } from '../support/processes.ts';
import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { post, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const MAIN = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url));

let cluster: TestCluster;
let system: System;
let folder: string;
/** By the node on which its queue lies, with the shard of the registry left to none of them. */
let models: string[];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-cluster-'));
  cluster = await startCluster();
  const found = new Map<number, string>();
  for (let i = 0; found.size < 3; i += 1) {
    const shard = shardOfModel(`slow${i}`, true);
    if (shard > 0) found.set(cluster.ownerOf(slotOfShard(shard)), `slow${i}`);
  }
  models = [0, 1, 2].map((node) => found.get(node) ?? '');
  const source = TEST_MODELS.find(({ name }) => name === 'slow');
  assert.ok(source);
  for (const name of models) await writeModelFolder(folder, { ...source, name });
  system = await startSystem({
    REDIS_URL: cluster.urls,
    BATCHYARD_REDIS_CLUSTER: '1',
    BATCHYARD_WORKERS: '2',
    BATCHYARD_MODELS: folder,
    BATCHYARD_DURABILITY: 'durable',
    BATCHYARD_BOARD: 'full',
  });
});
after(async () => {
  await system.stop();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

type Ack = { readonly seed: number; readonly model: string; readonly id: string };

const valuesOf = (seed: number): number[] => [seed, seed + 0.25, -1 - seed, 0.5];
const twice = (seed: number): number[] => valuesOf(seed).map((value) => 2 * value);
const bodyOf = (seed: number): unknown => oneRow('INPUT0', 'FP32', valuesOf(seed));
const modelOf = (seed: number): string => models[seed % models.length] ?? '';

/** Again until it is accepted: a refusal, or a gateway that is gone, has accepted nothing. */
async function submit(seed: number): Promise<Ack> {
  const model = modelOf(seed);
  const id = await until(
    `job ${seed} is accepted`,
    async () => {
      const answer = await post(`${system.url}/v1/models/${model}/jobs`, bodyOf(seed), {
        'batchyard-timeout-ms': '120000',
      });
      return answer.status === 202 ? ((await answer.json()) as { id: string }).id : undefined;
    },
    60_000,
  );
  return { seed, model, id };
}

async function infer(seed: number): Promise<void> {
  const answer = await post(`${system.url}/v2/models/${modelOf(seed)}/infer`, bodyOf(seed), {
    'batchyard-timeout-ms': '60000',
  });
  const body = (await answer.json()) as Answer;
  assert.equal(answer.status, 200, JSON.stringify(body));
  assert.deepEqual(body.outputs[0]?.data, twice(seed));
}

async function checkJobs(acks: readonly Ack[]): Promise<void> {
  for (const { seed, id } of acks) {
    const line = await until(`job ${id}`, async () => ended(system.url, id, 1_000));
    assert.equal(line.status, 'succeeded', JSON.stringify(line));
    assert.deepEqual(await resultOf(system.url, id), twice(seed));
  }
}

const seedsFrom = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

/** Submits jobs, and calls `strike` when a good part of them is accepted. */
async function underFire(first: number, count: number, strike: () => Promise<void>): Promise<Ack[]> {
  const acks: Ack[] = [];
  const load = Promise.all(seedsFrom(first, count).map(async (seed) => acks.push(await submit(seed))));
  await until('a third is accepted', async () => (acks.length >= count / 3 ? true : undefined));
  await strike();
  await load;
  assert.equal(acks.length, count);
  return acks;
}

test('models on three masters answer, and the operations port tells of all of them', async () => {
  await Promise.all(seedsFrom(1, 12).map(infer));
  await checkJobs(await Promise.all(seedsFrom(100, 12).map(submit)));
  const { queues } = (await (await fetch(`${system.ops}/v1/queues`)).json()) as {
    queues: { model: string; completed: number }[];
  };
  assert.deepEqual(
    Object.fromEntries(queues.map(({ model, completed }) => [model, completed])),
    Object.fromEntries(models.map((model) => [model, 4])),
  );
  for (const [node, model] of models.entries())
    assert.ok((await cluster.ask(node, (redis) => redis.keys(`*${model}@1:completed`))).length === 1);
  const facts = (await (await fetch(`${system.ops}/v1/redis`)).json()) as { append_only: boolean; max_bytes: number };
  assert.deepEqual([facts.append_only, facts.max_bytes], [true, 3 * 256 * 1_048_576]);
});

test('the command line asks whichever node answers, and of all nodes the one that has the key', async () => {
  // Port 1 takes no connection, as a node that is down.
  const env = {
    PATH: process.env['PATH'],
    BATCHYARD_REDIS_CLUSTER: '1',
    REDIS_URL: `redis://127.0.0.1:1,${cluster.urls}`,
  };
  const typed = async (...args: string[]): Promise<string> =>
    // The exit code of doctor is that of its other findings too, as of ports that are taken.
    new Promise((done) => execFile(process.execPath, [MAIN, ...args], { cwd: folder, env }, (_, out) => done(out)));
  type Finding = { what: string; ok: boolean; detail: string };
  const findings = JSON.parse(await typed('doctor', '--json')) as Finding[];
  const found = (what: string): Finding | undefined => findings.find((finding) => finding.what === what);
  assert.deepEqual([found('redis')?.ok, found('redis latency')?.ok], [true, true], JSON.stringify(findings));
  const keys = models.toSorted().map((model) => `{by${shardOfModel(model, true)}}:${model}@1:prioritized (0 wait)`);
  assert.equal(found('keda')?.detail, `listName of a redis trigger: ${keys.join(', ')}`);
  assert.match(await typed('config', 'webhook-secret'), /^whsec_/);
});

test('one key at the same moment with models on two masters is one job, and the other request is refused', async () => {
  const seeds = seedsFrom(1, 30);
  const submitKeyed = async (seed: number, model: string | undefined): Promise<number> =>
    (await post(`${system.url}/v1/models/${model}/jobs`, bodyOf(seed), { 'idempotency-key': `both-${seed}` })).status;
  const [first, second] = models;
  const pairs = await Promise.all(
    seeds.map((seed) => Promise.all([submitKeyed(seed, first), submitKeyed(seed, second)])),
  );
  for (const statuses of pairs)
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [202, 422],
    );
});

test('a queue is paused and resumed by BullMQ in its own shard', async () => {
  const [model = ''] = models;
  assert.equal((await fetch(`${system.ops}/v1/queues/${model}/pause`, { method: 'POST' })).status, 200);
  const ack = await submit(300 * models.length);
  assert.equal(ack.model, model);
  const line = (await (await fetch(`${system.ops}/v1/queues/${model}`)).json()) as { paused: boolean; depth: number };
  assert.deepEqual([line.paused, line.depth], [true, 1]);
  assert.equal((await fetch(`${system.ops}/v1/queues/${model}/resume`, { method: 'POST' })).status, 200);
  await checkJobs([ack]);
});

test('nothing is lost by kills of workers', { timeout: 90_000 }, async () => {
  for (let round = 0; round < 2; round += 1) {
    const [victim = 0] = await until('two workers', async () => {
      const pids = processesOf(system, 'worker');
      return pids.length === 2 ? pids : undefined;
    });
    const requests = Promise.all(seedsFrom(10_000 + 1_000 * round, 12).map(infer));
    const acks = await underFire(1_000 * (round + 1), 90, async () => void process.kill(victim, 'SIGKILL'));
    await requests;
    await checkJobs(acks);
  }
});

test('nothing that was accepted is lost by a kill of the gateway', { timeout: 90_000 }, async () => {
  const [victim = 0] = processesOf(system, 'gateway');
  await checkJobs(await underFire(20_000, 90, async () => void process.kill(victim, 'SIGKILL')));
});

test('nothing that was accepted is lost by a kill of a master', { timeout: 90_000 }, async () => {
  const home = cluster.ownerOf(slotOfShard(0));
  for (const node of [(home + 1) % 3, home]) {
    const acks = await underFire(30_000 + 1_000 * node, 90, async () => {
      await cluster.nodes[node]?.kill9();
      await cluster.nodes[node]?.restart();
    });
    await checkJobs(acks);
  }
  await Promise.all(seedsFrom(40_000, 12).map(infer));
});
