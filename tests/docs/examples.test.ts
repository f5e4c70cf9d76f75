/** Every example of the README and of examples/ runs against a started system, as it stands there. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { PYTHON, pythonWith } from '../support/python.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let redis: TestRedis;
let system: System;
let folder: string;
let blocks: readonly string[];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-examples-'));
  await writeFile(join(folder, 'request.json'), JSON.stringify(simpleBody(1)));
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, GRPC_PORT: '0' });
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  blocks = [...readme.matchAll(/```(?:sh|python)\n(.*?)```/gs)].map((match) => match[1] ?? '');
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The README's block that contains this text, on the port of the system under test. */
function block(text: string): string {
  const found = blocks.find((one) => one.includes(text));
  assert.ok(found, `the README shows ${text}`);
  return found.replaceAll('127.0.0.1:8000', new URL(system.url).host);
}
const shell = async (script: string): Promise<string> =>
  (await run('sh', ['-euc', script], { cwd: folder, timeout: 60_000 })).stdout;

test("the README's first request is answered with the sum and the difference", async () => {
  const answer = JSON.parse(await shell(block('/infer -d'))) as { outputs: { data: number[] }[] };
  const from = (first: number): number[] => Array.from({ length: 16 }, (_, i) => first + i);
  assert.deepEqual(
    answer.outputs.map((output) => output.data),
    [from(1), from(-1)],
  );
});

test("the README's job is accepted, waited for and its result read", async () => {
  const [submit = '', wait = '', cancel = ''] = block('/jobs -H').trim().split('\n');
  const accepted = await shell(submit);
  assert.match(accepted, /^HTTP\/1.1 202/);
  const id = /location: \/v1\/jobs\/(\S+)/i.exec(accepted)?.[1] ?? '';
  assert.match(await shell(wait.replace('<id>', id)), /"outputs"/);
  // It has ended by now: a terminal state never changes.
  assert.equal((JSON.parse(await shell(cancel.replace('<id>', id))) as { code: string }).code, 'conflict');
});

test("the README's second worker joins by the same Redis", async () => {
  const line = block('npx batchyard worker').replace(/redis:\/\/\S+/, redis.url);
  const worker = spawn('sh', ['-c', `exec ${line.replace(/^REDIS_URL/, 'env REDIS_URL')}`], {
    cwd: ROOT,
    stdio: 'ignore',
    detached: true,
  });
  const group = -(worker.pid ?? 0);
  try {
    await until('two workers serve', async () =>
      (await system.workers()).filter(({ state }) => state === 'serving').length === 2 ? true : undefined,
    );
  } finally {
    process.kill(group, 'SIGTERM');
  }
  await until('it has left', async () =>
    (await system.workers()).filter(({ state }) => state === 'serving').length === 1 ? true : undefined,
  );
});

test('what docs/balancing.md and docs/batching.md set is set', async () => {
  const told = async (path: string): Promise<unknown> => (await fetch(system.ops + path)).json();
  async function setBy(page: string): Promise<void> {
    const text = await readFile(join(ROOT, page), 'utf8');
    const lines = Array.from(text.matchAll(/```sh\n(curl .*?)```/gs), ([, shown = '']) =>
      shown.trim().split('\n'),
    ).flat();
    assert.ok(lines.length > 0);
    for (const line of lines)
      await shell(line.replace('localhost:8002', new URL(system.ops).host).replace('curl', 'curl -sf'));
  }
  await setBy('docs/balancing.md');
  const { strategy, weights } = (await told('/v1/balancer')) as { strategy: string; weights: Record<string, number> };
  assert.deepEqual([strategy, weights['load'], weights['response']], ['adaptive', 0.1, 0.6]);
  await setBy('docs/batching.md');
  const { versions } = (await told('/v1/models/simple/batching')) as { versions: { effective: object }[] };
  assert.deepEqual(
    versions.map(({ effective }) => effective),
    versions.map(({ effective }) => ({ ...effective, strategy: 'dynamic', preferred_rows: [4, 8], max_wait_ms: 2 })),
  );
});

test('examples/curl.sh runs', async () => {
  const { stdout } = await run(join(ROOT, 'examples/curl.sh'), [system.url], { timeout: 60_000 });
  assert.match(stdout, /Its result:\n.*"outputs"/);
});

test("Triton's client runs the README's lines and examples/infer.py", { timeout: 600_000 }, async (t) => {
  const found = await pythonWith(PYTHON.tritonHttp);
  if ('missing' in found) {
    t.skip(found.missing);
    return;
  }
  const { stdout } = await run(found.python, ['-c', block('InferenceServerClient')], { timeout: 60_000 });
  assert.match(stdout, /^\[\[2( 2){15}\]\]/);
  const file = join(ROOT, 'examples/infer.py');
  const routes = await run(found.python, [file, new URL(system.url).host], { timeout: 60_000 });
  assert.match(routes.stdout, /trace_flat +expected quality \d\.\d\d/);
});

test("the example of docs/grpc.md runs with Triton's client", { timeout: 600_000 }, async (t) => {
  const found = await pythonWith(PYTHON.tritonGrpc);
  if ('missing' in found) {
    t.skip(found.missing);
    return;
  }
  const page = await readFile(join(ROOT, 'docs/grpc.md'), 'utf8');
  const example = /```python\n(.*?)```/s.exec(page)?.[1]?.replace('127.0.0.1:8001', system.grpc) ?? '';
  const { stdout } = await run(found.python, ['-c', example], { timeout: 60_000 });
  assert.match(stdout, /^\[\[2( 2){15}\]\]/);
});
