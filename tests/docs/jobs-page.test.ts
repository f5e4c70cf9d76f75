/** Every example of docs/jobs.md runs against a started system, as it stands there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { ended, submitJob } from '../support/jobs.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { simpleBody } from '../support/simple-client.ts';
import { startSystem, type System } from '../support/system.ts';

const run = promisify(execFile);
const PAGE = fileURLToPath(new URL('../../docs/jobs.md', import.meta.url));

let redis: TestRedis;
let system: System;
let folder: string;
let id: string;
let blocks: readonly string[];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-jobs-page-'));
  await writeFile(join(folder, 'request.json'), JSON.stringify(simpleBody(1), undefined, 1));
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url });
  id = await submitJob(system.url, 'simple', simpleBody(1));
  await ended(system.url, id);
  const page = await readFile(PAGE, 'utf8');
  blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map((match) => match[1] ?? '');
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What each line of the block with this text prints. */
async function lines(text: string): Promise<string[]> {
  const block = blocks.find((one) => one.includes(text));
  assert.ok(block, `the page shows ${text}`);
  const said: string[] = [];
  for (const line of block.trim().split('\n')) {
    const script = line.replaceAll('127.0.0.1:8000', new URL(system.url).host).replaceAll('<id>', id);
    said.push((await run('sh', ['-euc', script], { cwd: folder, timeout: 60_000 })).stdout);
  }
  return said;
}

test('a job is submitted, waited for, read, and not cancelled or tried again once it has succeeded', async () => {
  const [submit, look, result, cancel, retry] = await lines('-X DELETE');
  assert.match(submit ?? '', /^HTTP\/1.1 202 [\s\S]*location: \/v1\/jobs\//i);
  assert.equal((JSON.parse(look ?? '') as { status: string }).status, 'succeeded');
  assert.match(result ?? '', /"outputs"/);
  for (const answer of [cancel, retry]) assert.equal((JSON.parse(answer ?? '') as { code: string }).code, 'conflict');
});

test('a submit with a key is the same job when it is sent again', async () => {
  const [first, again] = await lines('Idempotency-Key: order-17');
  assert.doesNotMatch(first ?? '', /idempotency-replayed/i);
  assert.match(again ?? '', /idempotency-replayed: true/i);
  const idOf = (answer: string | undefined): string => /"id":"([^"]+)"/.exec(answer ?? '')?.[1] ?? '';
  assert.equal(idOf(again), idOf(first));
});

test('many at once, watched, and found again', async () => {
  const [, bulk] = await lines('jobs/bulk');
  assert.match(bulk ?? '', /^(\{"status":202,"id":"[^"]+"\}\n){3}$/);
  assert.match((await lines('/events'))[0] ?? '', /^retry: 2000\n\nid: \d+-queued\n[\s\S]*event: succeeded\n/);
  for (const list of await lines('status=failed')) assert.deepEqual(JSON.parse(list), { jobs: [], next_cursor: null });
});
