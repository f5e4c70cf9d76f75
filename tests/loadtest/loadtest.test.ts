/** `batchyard loadtest` against the whole product: the examples of its page, its files and its exit codes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { loadReportSchema, type LoadReport } from '@batchyard/loadtest/judge/load-report';

import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOT, 'apps/cli/bin/batchyard.mjs');

let redis: TestRedis;
let system: System;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-loadtest-'));
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url });
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A line of a shell, as it stands in the page. */
const shell = (line: string, more: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { ...process.env, CI: 'true', BATCHYARD_URL: system.url, BATCHYARD_OPS_URL: system.ops, ...more };
    const script = line.replaceAll('npx batchyard', `${process.execPath} ${PROGRAM}`);
    execFile('sh', ['-c', script], { cwd: folder, timeout: 60_000, env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    );
  });
const report = ({ stdout, stderr }: Ended): LoadReport => {
  assert.notEqual(stdout, '', stderr);
  return loadReportSchema.parse(JSON.parse(stdout));
};

test('a steady rate is sent as it was asked for, and every request is answered', async () => {
  const ended = await shell('npx batchyard loadtest --rate 50 --arrivals constant --seconds 3 --warmup 0.5 --json');
  assert.equal(ended.code, 0, ended.stderr);
  const [step] = report(ended).steps;
  assert.ok(step && Math.abs(step.sent - 150) <= 1, `${step?.sent} sent`);
  assert.equal(step.succeeded, step.sent, JSON.stringify(step.failures));
  assert.equal(step.offered_per_s, 50);
  // By the statistics of the server: as many requests, and the time of each within what was seen from here.
  const { server } = step;
  assert.ok(server && server.requests >= 150 && server.requests <= 180, JSON.stringify(server));
  assert.ok(server.compute_infer_ms > 0 && server.queue_ms + server.compute_infer_ms < (step.latency.mean_ms ?? 0));
  assert.ok((step.latency.p50_ms ?? 0) > 0 && (step.latency.p99_ms ?? 0) <= (step.latency.max_ms ?? 0));
});

test('the examples of docs/load-testing.md run, and leave the files that they name', { timeout: 120_000 }, async () => {
  const page = await readFile(join(ROOT, 'docs/load-testing.md'), 'utf8');
  const lines = Array.from(page.matchAll(/```sh\n(.*?)\n```/gs), ([, line = '']) => line);
  // The first, without a flag, is the next test's.
  assert.ok(lines.length >= 7 && lines[0] === 'npx batchyard loadtest');
  for (const line of lines.slice(1).filter((one) => !one.includes('--workers'))) {
    const { code, stdout, stderr } = await shell(line.replace(/--seconds \d+/, '--seconds 1'));
    assert.equal(code, 0, `${line}\n${stdout}\n${stderr}`);
    if (line.includes('--slo')) assert.match(stdout, /requests\/s meet p99<200ms|No rate that was tried/);
    if (line.includes('simple/high')) assert.match(stdout, /simple\/low +\d+ +\d+/);
    if (line.includes('--compare')) assert.match(stdout, /40\/s +answers\/s +\d/);
    if (line.includes('--audit')) assert.match(stdout, /succeeded 200, wrong 0, failed 0, lost 0, duplicated 0/);
  }
  assert.match(await readFile(join(folder, 'loadtest.xml'), 'utf8'), /<testsuites tests="2" failures="0">/);
  assert.match(await readFile(join(folder, 'loadtest.html'), 'utf8'), /<svg /);
});

test('without a flag that says what to send it finds the capacity and goes around it', async () => {
  const ended = await shell('npx batchyard loadtest --seconds 0.7 --warmup 0.2 --json');
  assert.equal(ended.code, 0, ended.stderr);
  const { steps, knee, models } = report(ended);
  assert.deepEqual(models, ['simple']);
  assert.deepEqual(
    steps.map(({ name }) => name),
    ['32 clients', ...[25, 50, 75, 90, 110].map((percent) => `${percent} % of capacity`)],
  );
  assert.ok(knee && knee.answered_per_s > 0);
});

test('a trace is replayed at its times, with its kinds', async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `${1_000 + 50 * i},simple/${i % 4 === 0 ? 'high' : 'low'}`);
  await writeFile(join(folder, 'trace.csv'), `at_ms,kind\n${lines.join('\n')}\n`);
  const asked = 'npx batchyard loadtest --trace trace.csv --speed 2 --model simple/low --model simple/high --json';
  const ended = await shell(asked);
  assert.equal(ended.code, 0, ended.stderr);
  const [step] = report(ended).steps;
  assert.ok(step && Math.abs(step.seconds - 0.975) < 0.01, `${step?.seconds} s`);
  assert.deepEqual(
    step.kinds.map(({ name, sent }) => [name, sent]),
    [
      ['simple/low', 30],
      ['simple/high', 10],
    ],
  );
});

test('scaling measures one worker and two, fits them, and leaves one', { timeout: 120_000 }, async () => {
  const ended = await shell('npx batchyard loadtest --workers 1,2 --seconds 1 --warmup 0.3 --json');
  assert.equal(ended.code, 0, ended.stderr);
  const { scaling } = report(ended);
  assert.deepEqual(
    scaling?.points.map(({ workers }) => workers),
    [1, 2],
  );
  assert.ok(scaling?.points.every((point) => point.answered_per_s > 0) && scaling.fit);
  assert.equal((await system.workers()).filter(({ state }) => state === 'serving').length, 1);
});

test('a missed threshold is 99, what is typed wrongly 2, and nobody there 3 with what to type next', async () => {
  await writeFile(join(folder, 'thresholds.txt'), '# none can\np99<0.001ms\n');
  // The test before this one has ended a worker.
  await until('the model is ready', async () => (await fetch(`${system.url}/v2/models/simple/ready`)).ok || undefined);
  const missed = await shell('npx batchyard loadtest --rate 20 --seconds 0.5 --warmup 0 --thresholds thresholds.txt');
  assert.equal(missed.code, 99, JSON.stringify(missed));
  assert.match(missed.stdout, /MISSED {2}p99<0\.001ms at 20\/s/);
  const wrong = await shell('npx batchyard loadtest --rate fast');
  assert.equal(wrong.code, 2, wrong.stderr);
  assert.match(wrong.stderr, /--rate is "fast"/);
  const nobody = await shell('npx batchyard loadtest --model simple', { BATCHYARD_URL: 'http://127.0.0.1:9' });
  assert.equal(nobody.code, 3, nobody.stderr);
  assert.match(
    nobody.stderr,
    /nothing answers at http:\/\/127\.0\.0\.1:9\/v2\/models\/simple[\s\S]*next: batchyard doctor/,
  );
  const unknown = await shell('npx batchyard loadtest --model nobody --rate 5');
  assert.match(unknown.stderr, /serves no model nobody/);
});
