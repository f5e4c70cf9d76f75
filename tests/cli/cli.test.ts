/** The command line as a person types it, against one running system: what it prints, its exit codes, what to type next. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

import { connectRedis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const MAIN = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url));

let system: System;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-cli-'));
  await makeTestModels(join(folder, 'models'), ['simple', 'poison', 'identity_fp32', 'identity_int64']);
  system = await startSystem({
    BATCHYARD_MODELS: join(folder, 'models'),
    BATCHYARD_WORKERS: '1:3',
    BATCHYARD_MODEL_CONTROL: 'explicit',
  });
});
after(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

type Ended = { readonly code: number; readonly out: string; readonly err: string };

async function typed(args: readonly string[], extra: { env?: NodeJS.ProcessEnv; input?: string } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    // As in a CI, whose logs many a program colours: what a script reads here stays plain.
    env: {
      PATH: process.env['PATH'],
      CI: 'true',
      BATCHYARD_URL: system.url,
      BATCHYARD_OPS_URL: system.ops,
      ...extra.env,
    },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  child.stderr.on('data', (part: Buffer) => (err += part.toString()));
  child.stdin.end(extra.input ?? '');
  const [code] = (await once(child, 'close')) as [number];
  return { code, out, err };
}

async function well(...args: string[]): Promise<string> {
  const { code, out, err } = await typed(args);
  assert.equal(code, 0, `batchyard ${args.join(' ')}: ${err}`);
  return out;
}
const json = async <T = Record<string, unknown>>(...args: string[]): Promise<T> =>
  JSON.parse(await well(...args, '--json')) as T;

type Profiled = {
  readonly tables: readonly { readonly points: readonly { readonly rows: number }[] }[];
  readonly recommended: { readonly rows: number };
};

test('infer takes a request from a file and from stdin, an array, or makes one', async () => {
  await writeFile(join(folder, 'request.json'), JSON.stringify(simpleBody(1)));
  assert.match(
    await well('infer', 'simple', 'request.json'),
    /^simple 1: [\d.]+ ms\nOUTPUT0 INT32 \[1, 16\]: 18, 20, /,
  );
  const piped = await typed(['infer', 'simple', '-', '--json', '--output', 'OUTPUT1'], {
    input: JSON.stringify(simpleBody(1)),
  });
  const { outputs } = JSON.parse(piped.out) as { outputs: { name: string; data: number[] }[] };
  assert.deepEqual(
    outputs.map(({ name, data }) => [name, data[0]]),
    [['OUTPUT1', 14]],
  );

  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }".padEnd(117) + '\n';
  const npy = Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(header)]);
  await writeFile(join(folder, 'x.npy'), Buffer.concat([npy, Buffer.from(Float32Array.of(1.5, -2, 0.1).buffer)]));
  assert.match(await well('infer', 'identity_fp32', 'x.npy'), /OUTPUT0 FP32 \[1, 3\]: 1\.5, -2, 0\.1\n/);
  assert.match(await well('infer', 'identity_fp32', '--random', '--rows', '2'), /OUTPUT0 FP32 \[2, 8\]: /);
});

test('integers beyond 2^53 go there and back unchanged', async () => {
  const request = '{"inputs":[{"name":"INPUT0","datatype":"INT64","shape":[1,2],"data":[9223372036854775807,-5]}]}';
  const { out } = await typed(['infer', 'identity_int64', '-', '--json'], { input: request });
  assert.match(out, /"data":\["9223372036854775807",-5\]/);
});

test('jobs are found again by model, state and tag, and their states are told as they come', async () => {
  const { id } = await json<{ id: string }>('submit', 'simple', '--random', '--tag', 'customer=acme', 'run=7');
  const tail = await well('jobs', 'tail', id);
  assert.match(tail, /^\S+Z queued\n(\S+Z running\n)?\S+Z succeeded\n$/);
  const { jobs } = await json<{ jobs: { id: string }[] }>(
    'jobs',
    'ls',
    '--tag',
    'customer=acme',
    '--status',
    'succeeded',
  );
  assert.deepEqual(
    jobs.map((job) => job.id),
    [id],
  );
  assert.match(
    await well('jobs', 'ls', '--model', 'simple', '--limit', '1'),
    /^job +status +model[^]*succeeded +simple/,
  );
});

test('a job is submitted, waited for, and its end is the exit code', async () => {
  assert.match(await well('submit', 'simple', '--random', '--wait'), /OUTPUT0 INT32/);
  const { id } = await json<{ id: string }>('submit', 'simple', '--random', '--priority', 'high');
  assert.match(await well('jobs', 'get', id, '--wait', '20'), /status +succeeded/);
  assert.match(await well('jobs', 'result', id), /^simple 1\nOUTPUT0/);
  const again = await typed(['jobs', 'cancel', id]);
  assert.deepEqual([again.code, /next: batchyard jobs get/.test(again.err)], [1, true]);

  const poison = '{"inputs":[{"name":"CODE","datatype":"INT32","shape":[1,1],"data":[5000]}]}';
  const bad = await typed(['submit', 'poison', '-', '--json'], { input: poison });
  const failed = JSON.parse(bad.out) as { id: string };
  const ended = await typed(['jobs', 'get', failed.id, '--wait', '20']);
  assert.deepEqual([ended.code, /error +model_error/.test(ended.out)], [1, true]);
  assert.match(await well('jobs', 'retry', failed.id), /waits again/);
  assert.equal((await typed(['jobs', 'get', failed.id, '--wait', '20'])).code, 1);
  assert.match(
    await well('queues', 'retry-failed', 'poison', '--error', 'model_error'),
    /^1 jobs of poison@1 wait again\n/,
  );
  assert.equal((await typed(['jobs', 'get', failed.id, '--wait', '20'])).code, 1);
  const result = await typed(['jobs', 'result', failed.id]);
  assert.deepEqual([result.code, /next: batchyard jobs get/.test(result.err)], [1, true]);
});

test('queues are listed, paused, emptied and cleaned', async () => {
  assert.match(await well('queues', 'ls'), /queue +waiting +active[^]*simple@1/);
  assert.match(await well('queues', 'pause', 'simple'), /simple@1 is paused/);
  const { id } = await json<{ id: string }>('submit', 'simple', '--random');
  assert.match(
    await well('queues', 'stat', 'simple'),
    /state +paused\nwaiting +1 \(critical 0, high 0, normal 1, low 0\)/,
  );
  const asked = await typed(['queues', 'drain', 'simple']);
  assert.deepEqual([asked.code, /next: batchyard queues drain simple --yes/.test(asked.err)], [2, true]);
  assert.match(await well('queues', 'drain', 'simple', '--yes'), /^1 jobs were taken out/);
  assert.match(await well('queues', 'resume', 'simple'), /runs/);
  const gone = await typed(['jobs', 'result', id]);
  assert.deepEqual([gone.code, /drained/.test(gone.err)], [6, true]);
  assert.match(
    await well('queues', 'clean', 'simple', '--state', 'failed'),
    /^\d+ failed jobs of simple@1 are forgotten/,
  );
});

test('workers are listed, scaled and drained', async () => {
  const { workers } = await json<{ workers: { id: string }[] }>('workers', 'ls');
  assert.match(await well('workers', 'ls'), /worker +state[^]*serving/);
  assert.match(await well('workers', 'scale', '2'), /^2 workers are asked for, instead of 1\n/);
  await until('two serve', async () =>
    (await system.workers()).filter(({ state }) => state === 'serving').length === 2 ? true : undefined,
  );
  const [first] = workers;
  assert.ok(first);
  assert.match(await well('workers', 'drain', first.id), /drains/);
  assert.match(await well('workers', 'drain', first.id, '--undo'), /takes jobs again/);
});

test('models are listed and looked into', async () => {
  assert.match(await well('models', 'ls'), /simple +1 +ready +\d +8 +INPUT0 INT32\[-1,16\]/);
  const { ready, metadata } = await json<{ ready: boolean; metadata: { name: string } }>('models', 'inspect', 'simple');
  assert.deepEqual([ready, metadata.name], [true, 'simple']);
});

test('models are loaded and unloaded by request, also with another configuration', async () => {
  assert.equal(await well('models', 'unload', 'identity_int64'), 'identity_int64 is unloaded\n');
  assert.equal((await typed(['infer', 'identity_int64', '--random'])).code, 4);
  await writeFile(join(folder, 'config.json'), '{"max_batch_size": 2}');
  assert.equal(await well('models', 'load', 'identity_int64', '--config', 'config.json'), 'identity_int64 is loaded\n');
  assert.match(await well('infer', 'identity_int64', '--random', '--rows', '2'), /OUTPUT0 INT64 \[2, 8\]/);
  assert.equal((await typed(['infer', 'identity_int64', '--random', '--rows', '3'])).code, 1);
  const { code, err } = await typed(['models', 'load', 'nothing']);
  assert.deepEqual([code, /failed to load 'nothing'[^]*next: batchyard models validate/.test(err)], [1, true]);
});

test('models on disk are tried without a system: what is wrong with one, and what suits another', async () => {
  const repository = join(folder, 'candidates');
  await makeTestModels(repository, ['simple']);
  await mkdir(join(repository, 'broken', '1'), { recursive: true });
  await writeFile(join(repository, 'broken', '1', 'model.onnx'), 'no model');
  const tried = await typed(['models', 'validate', '--models', repository]);
  assert.equal(tried.code, 1);
  assert.match(tried.out, /✗ broken 1: the model file is not a readable ONNX file\n✓ simple 1: batches of 8\n/);
  assert.equal((await typed(['models', 'validate', 'simple', '--models', repository])).code, 0);
  assert.match(
    (await typed(['models', 'validate', 'none', '--models', repository])).out,
    /✗ none: there is no such folder/,
  );

  const args = ['models', 'profile', 'simple', '--models', repository, '--threads', '1', '--max-rows', '4'];
  const { models } = await json<{ models: Profiled[] }>(...args);
  assert.deepEqual(
    models[0]?.tables[0]?.points.map(({ rows }) => rows),
    [1, 2, 4],
  );
  assert.ok([1, 2, 4].includes(models[0]?.recommended.rows ?? 0));
  assert.match(await well(...args), /recommended: [^]*max_batch_size: [124]\n.*intra_op_thread_count/);
});

test('top is one look, or a line each time without a terminal', async () => {
  const screen = await well('top', '--once');
  assert.match(screen, /requests\/s[^]*simple@1[^]*serving/);
  assert.equal(stripVTControlCharacters(screen), screen);
  const child = spawn(process.execPath, [MAIN, 'top', '--interval', '0.1', '--ops-url', system.ops], { stdio: 'pipe' });
  let out = '';
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  await until('three lines', async () => (out.split('\n').length > 3 ? true : undefined));
  child.kill('SIGINT');
  await once(child, 'close');
  assert.equal(child.exitCode, 0);
  assert.match(out.split('\n')[0] ?? '', /^\d{4}-\d\d-\d\d [\d:]{8} · .* requests\/s · .* workers serve/);
});

test('an error says what it is by its code, and what to type next', async () => {
  const cases: [string[], number, RegExp][] = [
    [['infer', 'none', '--random'], 4, /next: batchyard/],
    [['jobs', 'get', 'none'], 4, /there is no such job\n  next: batchyard jobs ls/],
    [['queues', 'stat', 'none'], 4, /next: batchyard models ls/],
    [
      ['queues', 'ls', '--ops-url', 'http://127.0.0.1:9', '--timeout', '1'],
      3,
      /cannot be reached[^]*next: batchyard doctor/,
    ],
    [['queues', 'ls', '--url', 'redis://x'], 2, /no http address\n  next: --url/],
    [['infer', 'simple'], 2, /give the inputs in one way[^]*next: batchyard infer simple --random/],
    [['infer', 'simple', 'nowhere.json'], 2, /cannot be read: ENOENT/],
    [['infer', 'simple', '--random', '--rows', '99'], 1, /next: batchyard models inspect/],
    [['workers', 'scale', 'many'], 2, /a whole number above 0/],
    [['queues', 'fly'], 2, /unknown command 'fly'[^]*next: batchyard help/],
    [['jobs', 'get'], 2, /missing required argument 'id'/],
  ];
  for (const [args, code, said] of cases) {
    const ended = await typed(args);
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.err}`);
    assert.match(ended.err, said);
    assert.equal(ended.out, '');
    assert.ok(!ended.err.includes('\u001B'), ended.err);
  }
  const { code, err } = await typed(['jobs', 'get', 'none', '--json']);
  const { error } = JSON.parse(err) as { error: { code: string; next: string } };
  assert.deepEqual([code, error.code, error.next], [4, 'not_found', 'batchyard jobs ls']);
});

test('config show tells each value with where it comes from, and what nobody reads', async () => {
  await writeFile(join(folder, 'my.env'), 'BATCHYARD_WORKERS=5\nOPS_PORT=9002\nBATCHYARD_CASHE=off\n');
  const env = { BATCHYARD_CONFIG: 'my.env', OPS_PORT: '9003', BATCHYARD_OPS_TOKEN: 'a-very-secret-token' };
  const { code, out } = await typed(['config', 'show', '--origin', '--port', '9001', '--json'], { env });
  assert.equal(code, 0);
  const told = JSON.parse(out) as { settings: Record<string, unknown>[]; unknown: string[] };
  const of = (name: string) => told.settings.find(({ setting }) => setting === name);
  const origin = (name: string) => [of(name)?.['value'], of(name)?.['origin'], of(name)?.['default']];
  assert.deepEqual(origin('PORT'), ['9001', 'flag', '8000']);
  assert.deepEqual(origin('OPS_PORT'), ['9003', 'environment', '8002']);
  assert.deepEqual(origin('BATCHYARD_WORKERS'), ['5', 'file', '1']);
  assert.deepEqual(origin('BATCHYARD_STRATEGY'), ['adaptive', 'default', 'adaptive']);
  assert.deepEqual(origin('BATCHYARD_OPS_TOKEN'), ['(hidden)', 'environment', null]);
  assert.deepEqual(of('BATCHYARD_RESULT_TTL')?.['of'], ['gateway', 'worker']);
  assert.deepEqual(told.unknown, ['BATCHYARD_CASHE is not a setting; the nearest one is BATCHYARD_CACHE']);
  const text = await typed(['config', 'show', '--origin'], { env });
  assert.match(text.out, /BATCHYARD_WORKERS +5 +file my\.env +1 +up worker/);
  assert.match(text.err, /BATCHYARD_CASHE is not a setting/);
});

test('the secret of webhooks is the configured one, or the one that the first gateway made', async () => {
  const kept = await typed(['config', 'webhook-secret'], { env: { BATCHYARD_DATA: system.data } });
  assert.match(kept.out, /^whsec_[\w+/=]{32,}\n$/);
  const given = await typed(['config', 'webhook-secret'], { env: { BATCHYARD_WEBHOOK_SECRET: 'whsec_abc' } });
  assert.equal(given.out, 'whsec_abc\n');
  const nowhere = await typed(['config', 'webhook-secret']);
  assert.deepEqual([nowhere.code, /next: REDIS_URL=/.test(nowhere.err)], [2, true]);
});

test('doctor looks at Redis, onnxruntime, ports and CPUs, and says what to type', async () => {
  const [host, ops] = [new URL(system.url), new URL(system.ops)];
  const env = {
    PORT: host.port,
    OPS_PORT: ops.port,
    BATCHYARD_MODELS: 'models',
    BATCHYARD_WORKERS: '200',
    REDIS_URL: 'redis://127.0.0.1:9',
  };
  const { code, out } = await typed(['doctor', '--json'], { env });
  assert.equal(code, 1);
  const findings = JSON.parse(out) as { what: string; ok: boolean; detail: string; next?: string }[];
  const of = (what: string) => findings.find((finding) => finding.what === what);
  assert.match(of('onnxruntime')?.detail ?? '', /^1\.\d+\.\d+$/);
  assert.match(of('public port')?.detail ?? '', /a Batchyard answers/);
  assert.equal(of('models')?.ok, true);
  assert.deepEqual([of('cpus')?.ok, /BATCHYARD_WORKERS=\d+ npm start/.test(of('cpus')?.next ?? '')], [false, true]);
  assert.deepEqual([of('redis')?.ok, /redis-cli/.test(of('redis')?.next ?? '')], [false, true]);
});

test('a Redis server that an earlier start has fetched is one, and a REDIS_BIN that is none is told', async () => {
  const bin = join(folder, 'fetched', 'redis-package', 'debian', 'usr', 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'redis-server'), "#!/bin/sh\necho 'Redis server v=7.0.15'\n", { mode: 0o755 });
  const server = async (env: NodeJS.ProcessEnv): Promise<{ ok: boolean; detail: string } | undefined> => {
    const { out } = await typed(['doctor', '--json'], { env: { BATCHYARD_DATA: join(folder, 'fetched'), ...env } });
    const findings = JSON.parse(out) as { what: string; ok: boolean; detail: string }[];
    return findings.find(({ what }) => what === 'redis server');
  };
  // Where the machine has one of its own, that one is told.
  assert.equal((await server({}))?.ok, true);
  const wrong = await server({ REDIS_BIN: '/bin/true' });
  assert.deepEqual([wrong?.ok, wrong?.detail], [false, 'REDIS_BIN is /bin/true, which is no Redis 6.2 or later']);
});

test('doctor tells the keys by whose length KEDA can scale', async () => {
  await well('queues', 'pause', 'simple');
  const { id } = await json<{ id: string }>('submit', 'simple', '--random');
  const port = (await readFile(join(system.data, 'redis', 'port'), 'utf8')).trim();
  const { out } = await typed(['doctor', '--json'], { env: { REDIS_URL: `redis://127.0.0.1:${port}` } });
  const keda = (JSON.parse(out) as { what: string; detail: string }[]).find(({ what }) => what === 'keda');
  assert.match(keda?.detail ?? '', /\{by0\}:poison@1:prioritized \(0 wait\), \{by0\}:simple@1:prioritized \(1 wait\)$/);
  const admin = connectRedis(`redis://127.0.0.1:${port}`, 'commands');
  await admin.connect();
  try {
    // What the trigger counts by: the type says how.
    assert.equal(await admin.type('{by0}:simple@1:prioritized'), 'zset');
    assert.equal(await admin.zcard('{by0}:simple@1:prioritized'), 1);
  } finally {
    admin.disconnect();
  }
  await well('queues', 'resume', 'simple');
  assert.equal((await typed(['jobs', 'get', id, '--wait', '20'])).code, 0);
});

// The last one: from here on the system asks for a key.
test('keys are made, shown without their secrets, used and revoked', async () => {
  const root = await json<{ id: string; secret: string }>('keys', 'create', 'root', '--scopes', 'admin,infer');
  await until('a key is asked for', async () => ((await typed(['queues', 'ls'])).code === 5 ? true : undefined));
  const asRoot = { env: { BATCHYARD_KEY: root.secret } };
  const terms = ['--tenant', 'shop', '--classes', 'normal,low', '--rate', '100', '--burst', '500'];
  const { out } = await typed(['keys', 'create', 'shop', ...terms, '--json'], asRoot);
  const shop = JSON.parse(out) as { id: string; secret: string };
  const asShop = { env: { BATCHYARD_KEY: shop.secret } };
  await until('the new key is known', async () =>
    (await typed(['infer', 'simple', '--random'], asShop)).code === 0 ? true : undefined,
  );
  const looked = await typed(['queues', 'ls'], asShop);
  assert.deepEqual([looked.code, /next: batchyard keys ls/.test(looked.err)], [5, true]);
  const listed = (await typed(['keys', 'ls'], asRoot)).out;
  assert.match(listed, /shop +shop +infer +normal low +100\/s, 500 at once/);
  assert.ok(!listed.includes(shop.secret));
  assert.match((await typed(['keys', 'revoke', shop.id], asRoot)).out, /is revoked/);
  await until('it is refused', async () =>
    (await typed(['infer', 'simple', '--random'], asShop)).code === 5 ? true : undefined,
  );
});
