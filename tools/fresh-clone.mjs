/**
 * `npm run test:clone`: the README's first minute, as a newcomer has it. Clones what is committed, and in the clone, with
 * no Redis in PATH, starts the product three times (on the Redis that it obtains, on one that is named, on the bundled
 * one), sends the README's first curl each time, ends it with Ctrl-C, and looks for what was left behind. The first time it
 * goes on as a newcomer does (newcomer.mjs).
 */
import { spawn, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { walk } from './newcomer.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const START_LIMIT_MS = 10 * 60_000;
const STOP_LIMIT_MS = 40_000;
/** What `{"OUTPUT0": INPUT0 + INPUT1}` has to be for the README's request. */
const SUMS = Array.from({ length: 16 }, (_, i) => i + 1).join();

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** A limit: it does not keep this process when all else has ended. */
const atMost = (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref());
const say = (text) => process.stdout.write(`${text}\n`);

/** Everything that PATH has, except for Redis and its kin. */
function pathWithoutRedis(folder) {
  mkdirSync(folder);
  const seen = new Set();
  for (const from of process.env.PATH.split(delimiter)) {
    let names = [];
    try {
      names = readdirSync(from);
    } catch {
      continue;
    }
    for (const name of names) {
      if (/redis|valkey|keydb/i.test(name) || seen.has(name) || from.includes('node_modules')) continue;
      seen.add(name);
      symlinkSync(join(from, name), join(folder, name));
    }
  }
  return folder;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The first command of the README that calls curl, for another port. */
function firstCurl(clone, port) {
  const readme = readFileSync(join(clone, 'README.md'), 'utf8');
  const block = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)]
    .map(([, code]) => code)
    .find((code) => code.startsWith('curl'));
  if (!block) throw new Error('README.md shows no curl');
  return block.replaceAll('127.0.0.1:8000', `127.0.0.1:${port}`);
}

/** Processes whose environment names this run. */
function leftBehind(run) {
  const mark = `FRESH_CLONE_RUN=${run}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
      } catch {
        return false;
      }
    });
}

/** Starts the product and sends the first curl. @returns the Redis it told of, and what ends it as Ctrl-C does */
async function firstMinute(clone, name, env) {
  const [port, ops] = [await freePort(), await freePort()];
  const run = `${name}-${process.pid}`;
  const child = spawn('npm', ['start'], {
    cwd: clone,
    env: { ...env, PORT: String(port), OPS_PORT: String(ops), FRESH_CLONE_RUN: run },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  const fail = (why) => {
    for (const pid of leftBehind(run)) process.kill(Number(pid), 'SIGKILL');
    return new Error(`${name}: ${why}\n${output.slice(-4000)}`);
  };
  const startedMs = performance.now();
  let over = false;
  async function ready() {
    while (!over) {
      const answer = await fetch(`http://127.0.0.1:${port}/v2/models/simple/ready`).catch(() => undefined);
      if (answer?.status === 200) return 'ready';
      await pause(100);
    }
    return 'given up';
  }
  const first = await Promise.race([ready(), ended, atMost(START_LIMIT_MS)]);
  over = true;
  if (first !== 'ready') throw fail(first === undefined ? 'not ready in time' : `npm start ended with ${first}`);
  const answer = JSON.parse(execFileSync('bash', ['-c', firstCurl(clone, port)], { encoding: 'utf8', env }));
  const sums = answer.outputs?.find((one) => one.name === 'OUTPUT0')?.data.join();
  if (sums !== SUMS) throw fail(`the first curl answered ${JSON.stringify(answer)}`);
  say(`${name}: answered after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  for (const line of output.split('\n').filter((text) => /redis/i.test(text))) say(`    ${line.trim()}`);
  return {
    moment: { clone, env, url: `http://127.0.0.1:${port}`, ops: `http://127.0.0.1:${ops}`, sums: SUMS },
    redis: /redis:\/\/[\d.:]+/.exec(output)?.[0] ?? '',
    async stop() {
      // As a terminal does it: to the whole group.
      process.kill(-(child.pid ?? 0), 'SIGINT');
      if ((await Promise.race([ended, atMost(STOP_LIMIT_MS)])) === undefined) throw fail('it did not end after Ctrl-C');
      for (let i = 0; i < 50 && leftBehind(run).length > 0; i += 1) await pause(100);
      const left = leftBehind(run);
      if (left.length > 0) throw fail(`processes were left: ${left.join(', ')}`);
    },
  };
}

const work = mkdtempSync(join(tmpdir(), 'fresh-clone-'));
const clone = join(work, 'batchyard');
const running = [];
async function start(name, env) {
  const one = await firstMinute(clone, name, { ...env, BATCHYARD_DATA: join(work, name) });
  running.push(one);
  return one;
}
const stopLast = () => running.pop()?.stop();

try {
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, clone]);
  const env = { ...process.env, PATH: pathWithoutRedis(join(work, 'bin')) };
  for (const name of Object.keys(env)) if (/^(npm_|REDIS_|BATCHYARD_)/.test(name)) delete env[name];
  const { redis, moment } = await start('obtained', env);
  await walk(moment, say);
  await start('named', { ...env, REDIS_URL: redis });
  await stopLast();
  await stopLast();
  await start('bundled', { ...env, BATCHYARD_REDIS: 'bundled' });
  await stopLast();
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: clone, encoding: 'utf8' });
  if (changed !== '') throw new Error(`files changed in the checkout:\n${changed}`);
  say('no file changed, no process left');
} finally {
  while (running.length > 0) await stopLast().catch(() => undefined);
  rmSync(work, { recursive: true, force: true });
}
