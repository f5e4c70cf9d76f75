/** `batchyard up` as a person meets it: what it says when it cannot start, and that it leaves nothing behind. */
import assert from 'node:assert/strict';
import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startRedis } from '../support/redis.ts';
import { startSystem, until } from '../support/system.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'batchyard-start-'));
});
after(() => rm(scratch, { recursive: true, force: true }));

type Ended = { readonly code: number | null; readonly text: string };

/** Runs `up` with these settings until it ends by itself. */
async function upUntilEnd(env: Record<string, string>): Promise<Ended> {
  const data = await mkdtemp(join(scratch, 'data-'));
  const ports = { PORT: '0', OPS_PORT: '0', GRPC_PORT: '0' };
  const base = { PATH: process.env['PATH'] ?? '', ...ports, BATCHYARD_DATA: data, LOG_LEVEL: 'silent' };
  const child = spawn(process.execPath, ['apps/cli/dist/main.js', 'up'], { cwd: ROOT, env: { ...base, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(limit);
  return { code, text };
}

function refused(ended: Ended, sentence: RegExp, next: RegExp): void {
  assert.equal(ended.code, 2, ended.text);
  assert.match(ended.text, sentence);
  assert.match(ended.text, next);
  assert.doesNotMatch(ended.text, /\n\s+at /);
}

/** Processes that still run of a supervisor's family. */
async function family(pid: number): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'pid,ppid,args']);
  return stdout.split('\n').filter((line) => line.includes(` ${pid} `) && !line.includes('ps -eo'));
}

test('no models: the sentence names the folder and the setting', async () => {
  refused(
    await upUntilEnd({ BATCHYARD_MODELS: join(scratch, 'nothing') }),
    /nothing is not there/,
    /BATCHYARD_MODELS=/,
  );
  await mkdir(join(scratch, 'empty'));
  refused(
    await upUntilEnd({ BATCHYARD_MODELS: join(scratch, 'empty') }),
    /there are no models in/,
    /BATCHYARD_MODELS=/,
  );
});

test('a port in use is named, with one to try', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  refused(
    await upUntilEnd({ PORT: String(port) }),
    new RegExp(`port ${port} on 127.0.0.1 is in use`),
    new RegExp(`PORT=${port + 10} npm start`),
  );
  server.close();
});

test('a Redis that does not answer', async () => {
  refused(
    await upUntilEnd({ REDIS_URL: 'redis://127.0.0.1:1' }),
    /no Redis answers at redis:\/\/127\.0\.0\.1:1/,
    /redis-cli -u/,
  );
});

test('a Redis that evicts, and one without a file in durable mode', async () => {
  const redis = await startRedis(['--maxmemory-policy', 'allkeys-lru', '--appendonly', 'no']);
  refused(
    await upUntilEnd({ REDIS_URL: redis.url }),
    /evicts keys when it is full/,
    /config set maxmemory-policy noeviction/,
  );
  await run('node', [
    '-e',
    `require('net').connect(${redis.port}).end('CONFIG SET maxmemory-policy noeviction\\r\\nQUIT\\r\\n')`,
  ]);
  refused(
    await upUntilEnd({ REDIS_URL: redis.url, BATCHYARD_DURABILITY: 'durable' }),
    /keeps no append-only file/,
    /config set appendonly yes/,
  );
  await redis.stop();
});

test('a wrong setting is named', async () => {
  refused(await upUntilEnd({ BATCHYARD_WORKERS: 'many' }), /BATCHYARD_WORKERS is wrong/, /BATCHYARD_WORKERS/);
});

test('only broken models: the worker is given up with its reason', async () => {
  const models = join(scratch, 'broken');
  await mkdir(join(models, 'bad', '1'), { recursive: true });
  await writeFile(join(models, 'bad', '1', 'model.onnx'), 'this is no model');
  const ended = await upUntilEnd({ BATCHYARD_MODELS: models });
  assert.notEqual(ended.code, 0);
  assert.match(ended.text, /no model can be served/);
});

test('a broken model leaves the others serving', async () => {
  const models = join(scratch, 'mixed');
  await cp(join(ROOT, 'models', 'simple'), join(models, 'simple'), { recursive: true });
  await mkdir(join(models, 'bad', '1'), { recursive: true });
  await writeFile(join(models, 'bad', '1', 'model.onnx'), 'this is no model');
  const system = await startSystem({ BATCHYARD_MODELS: models });
  const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(1));
  checkSimple(1, (await answer.json()) as Answer);
  assert.equal((await fetch(`${system.url}/v2/models/bad`)).status, 404);
  await system.stop();
});

test('starting twice in one data folder is told with the process that has it; a dead one is taken over', async () => {
  const system = await startSystem();
  const again = await upUntilEnd({ BATCHYARD_DATA: system.data });
  refused(again, new RegExp(`already runs .*process ${system.child.pid}`), /kill/);
  await system.stop();
  const data = await mkdtemp(join(scratch, 'stale-'));
  await writeFile(join(data, 'up.pid'), '999999');
  const fresh = await startSystem({ BATCHYARD_DATA: data });
  assert.equal(await fresh.stop(), 0);
});

test('its table has a first command that answers, and SIGTERM leaves no process and no lock', async () => {
  const system = await startSystem({ REDIS_BIN: '' });
  const printed = await until('the table', async () => (system.output().includes('try') ? system.output() : undefined));
  const curl = printed.split('\n').find((line) => line.trim().startsWith('curl')) ?? '';
  const { stdout } = await run('bash', ['-c', curl]);
  assert.match(stdout, /"model_name":"simple"/);
  const pid = system.child.pid ?? 0;
  assert.ok((await family(pid)).length >= 3);
  const data = system.data;
  assert.equal(await system.stop(), 0);
  assert.deepEqual(await family(pid), []);
  await assert.rejects(readFile(join(data, 'up.pid')));
});

test('a private Redis that ends at its start is not tried for ever: its last words are told', async () => {
  const file = join(scratch, 'broken-redis');
  await writeFile(
    file,
    '#!/bin/sh\n[ "$1" = --version ] && echo "v=7.0.15" && exit\necho "cannot read the file" >&2\nexit 1\n',
  );
  await chmod(file, 0o755);
  refused(
    await upUntilEnd({ REDIS_BIN: file }),
    /the private Redis does not start: cannot read the file/,
    /npm start -- --redis bundled/,
  );
});

test('the private Redis is started again with its data when it is killed', async () => {
  const system = await startSystem();
  const accepted = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(7));
  const { id } = (await accepted.json()) as { id: string };
  await until('it has run', async () =>
    (await fetch(`${system.url}/v1/jobs/${id}/result`)).status === 200 ? true : undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, 1_200)); // the file is synced each second
  const { stdout } = await run('pgrep', [
    '-f',
    `redis-server.*:${/private [0-9.]+ at redis:\/\/127\.0\.0\.1:(\d+)/.exec(system.output())?.[1]}`,
  ]);
  process.kill(Number(stdout.trim().split('\n')[0]), 'SIGKILL');
  const result = await until('the result is there again', async () => {
    const answer = await fetch(`${system.url}/v1/jobs/${id}/result`);
    return answer.status === 200 ? ((await answer.json()) as Answer) : undefined;
  });
  checkSimple(7, result);
  await system.stop();
});

test('with the bundled development Redis it starts with its banner, answers the first command and runs a job', async () => {
  const system = await startSystem({ BATCHYARD_REDIS: 'bundled' });
  assert.match(system.output(), /bundled development server is used/);
  assert.match(system.output(), /NO: what is queued is lost/);
  const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(3));
  checkSimple(3, (await answer.json()) as Answer);
  const accepted = (await (await post(`${system.url}/v1/models/simple/jobs`, simpleBody(4))).json()) as {
    id: string;
    durable: boolean;
  };
  assert.equal(accepted.durable, false);
  const result = await fetch(`${system.url}/v1/jobs/${accepted.id}/result?wait=20s`);
  checkSimple(4, (await result.json()) as Answer);
  assert.equal(await system.stop(), 0);
  const ended = await upUntilEnd({ BATCHYARD_REDIS: 'bundled', NODE_ENV: 'production' });
  refused(ended, /does not serve in production/, /install/);
});
