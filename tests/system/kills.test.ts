/**
 * Processes are killed with SIGKILL while requests and jobs with unique inputs are under way. Nothing accepted is lost,
 * every result is that of its own input, no healthy job fails, and what a dead worker held runs again soon.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

const JOBS = 1_000;
const SYNC = 200;
const KILLS = 10;

let redis: TestRedis;
let system: System;
before(async () => {
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_WORKERS: '2' });
});
after(async () => {
  process.stderr.write(system.output());
  await system.stop();
  await redis.stop();
});

type Ack = { readonly seed: number; readonly id: string };

/** Submits until it is accepted; a refusal that may be tried again is tried again under a new job. */
async function submit(seed: number): Promise<Ack> {
  return until(
    `job ${seed} is accepted`,
    async () => {
      const answer = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(seed), {
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
  checkSimple(seed, answer);
}

async function inGroups<T>(items: readonly T[], size: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: size }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

/** Kills a serving worker and waits until as many serve again. */
async function killWorker(): Promise<void> {
  const victim = (await system.workers()).find((worker) => worker.state === 'serving');
  assert.ok(victim);
  process.kill(victim.pid, 'SIGKILL');
  await until('two workers serve again', async () => {
    const now = (await system.workers()).filter((worker) => worker.state === 'serving' && worker.pid !== victim.pid);
    return now.length >= 2 ? true : undefined;
  });
}

test(`${JOBS} jobs and ${SYNC} requests survive ${KILLS} kills of a worker`, { timeout: 240_000 }, async (t) => {
  const acks: Ack[] = [];
  let right = 0;
  let unanswered = 0;
  const seeds = Array.from({ length: JOBS }, (_, i) => i + 1);
  const load = Promise.all([
    inGroups(seeds, 8, async (seed) => acks.push(await submit(seed))),
    inGroups(
      Array.from({ length: SYNC }, (_, i) => 1_000_000 + i),
      4,
      async (seed) => {
        const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(seed), {
          'batchyard-timeout-ms': '60000',
        });
        if (answer.status === 200) {
          checkSimple(seed, (await answer.json()) as Answer);
          right += 1;
        } else {
          assert.equal(answer.status, 503, await answer.text());
          unanswered += 1;
        }
      },
    ),
  ]);
  for (let kill = 0; kill < KILLS; kill += 1) await killWorker();
  await load;
  await inGroups(acks, 16, checkResult);
  t.diagnostic(`jobs ${acks.length}, synchronous right ${right}, refused ${unanswered}`);
  assert.equal(new Set(acks.map((ack) => ack.id)).size, JOBS);
  assert.equal(right + unanswered, SYNC);
  assert.equal(unanswered, 0);
});

test('accepted jobs survive a SIGKILL of Redis', { timeout: 120_000 }, async () => {
  const acks: Ack[] = [];
  const load = inGroups(
    Array.from({ length: 300 }, (_, i) => 2_000_000 + i),
    8,
    async (seed) => acks.push(await submit(seed)),
  );
  await until('some are accepted', async () => (acks.length > 50 ? true : undefined));
  await redis.kill9();
  await redis.restart();
  await load;
  await inGroups(acks, 16, checkResult);
  assert.equal(acks.length, 300);
});
