/**
 * Several gateways behind one public port: all of them answer, one that is restarted drops nothing, and of one that is killed
 * under load nothing is lost that was accepted.
 */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { freePort } from '../../apps/cli/src/redis/private-redis.ts';
import { ended } from '../support/jobs.ts';
import { processesOf } from '../support/processes.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const COUNT = 3;

/** The first of so many ports that are free side by side. */
async function freePorts(count: number): Promise<number> {
  return until('ports side by side', async () => {
    const first = await freePort();
    const held: Server[] = [];
    try {
      for (let i = 0; i < count; i += 1) {
        const server = createServer().listen(first + i, '127.0.0.1');
        held.push(server);
        await once(server, 'listening');
      }
      return first;
    } finally {
      for (const server of held) server.close();
    }
  });
}

let system: System;
let opsPort: number;
before(async () => {
  opsPort = await freePorts(COUNT);
  system = await startSystem({
    BATCHYARD_GATEWAYS: String(COUNT),
    OPS_PORT: String(opsPort),
    BATCHYARD_MODELS: 'models',
  });
});
after(async () => {
  assert.equal(await system.stop(), 0);
});

/** On a connection of its own, so that it may come to any gateway. */
const alone = { connection: 'close' };

async function infer(seed: number): Promise<void> {
  const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(seed), alone);
  const body = (await answer.json()) as Answer;
  assert.equal(answer.status, 200, JSON.stringify(body));
  checkSimple(seed, body);
}

/** Requests that each operations port has counted on the public one. */
async function answered(): Promise<number[]> {
  return Promise.all(
    Array.from({ length: COUNT }, async (_, i) => {
      const text = await (await fetch(`http://127.0.0.1:${opsPort + i}/metrics`)).text();
      const lines = text.matchAll(/^batchyard_http_request_duration_seconds_count\{[^}]*infer[^}]*\} (\d+)/gm);
      return Array.from(lines, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
    }),
  );
}

const gateways = (): Promise<number[]> =>
  until('all gateways run', async () => {
    const pids = processesOf(system, 'gateway');
    return pids.length === COUNT ? pids : undefined;
  });

/** All gateways answer on their operations ports. */
const allReady = (): Promise<true> =>
  until('all gateways are ready', async () => {
    for (let i = 0; i < COUNT; i += 1)
      if (!(await fetch(`http://127.0.0.1:${opsPort + i}/readyz`)).ok) return undefined;
    return true;
  });

test('each gateway has its part of what comes to the one port', async () => {
  await allReady();
  let sent = 0;
  await until('each has answered some', async () => {
    await Promise.all(Array.from({ length: 30 }, async (_, i) => infer(sent + i)));
    sent += 30;
    return (await answered()).every((count) => count > 0) ? true : undefined;
  });
  const counts = await answered();
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    sent,
  );
});

test('a gateway that is restarted drops no request', { timeout: 60_000 }, async () => {
  const pids = await gateways();
  let running = true;
  let sent = 0;
  const load = Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      for (let i = 0; running; i += 1, sent += 1) await infer(1_000 * lane + i);
    }),
  );
  const [leaving = 0] = pids;
  process.kill(leaving, 'SIGTERM');
  await until('another one has its place', async () => {
    const now = processesOf(system, 'gateway');
    return now.length === COUNT && !now.includes(leaving) ? true : undefined;
  });
  await allReady();
  running = false;
  await load;
  assert.ok(sent > 50, String(sent));
});

test('jobs that were accepted outlive the kill of a gateway under load', { timeout: 60_000 }, async () => {
  const ids: string[] = [];
  async function submit(seed: number): Promise<void> {
    const id = await until(`job ${seed}`, async () => {
      const answer = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(seed), alone);
      return answer.status === 202 ? ((await answer.json()) as { id: string }).id : undefined;
    });
    ids.push(id);
  }
  const load = Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      for (let i = 0; i < 25; i += 1) await submit(10_000 + 100 * lane + i);
    }),
  );
  await until('some are accepted', async () => (ids.length > 40 ? true : undefined));
  const [victim = 0] = await gateways();
  process.kill(victim, 'SIGKILL');
  await load;
  for (const id of ids) assert.equal((await ended(system.url, id)).status, 'succeeded');
  assert.equal(new Set(ids).size, 200);
  await allReady();
  assert.ok(!(await gateways()).includes(victim));
});
