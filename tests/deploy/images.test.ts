/**
 * What the images hold, laid out as the Dockerfile does it and started without a container: as another user than root, who
 * may write nothing in it, and with nothing but a clean `npm ci --omit=dev`.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { freePort } from '../../apps/cli/src/redis/private-redis.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { until } from '../support/system.ts';

const SIMPLE = fileURLToPath(new URL('../../models/simple', import.meta.url));
const PACK = fileURLToPath(new URL('../../tools/pack-image.mjs', import.meta.url));
const NOBODY = 65_534;
/** Only root may become another user. */
const other = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

let folder: string;
let redis: TestRedis;
const children: ChildProcess[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-images-'));
  await chmod(folder, 0o755);
  redis = await startRedis();
  for (const app of ['gateway', 'worker'])
    execFileSync(process.execPath, [PACK, app, join(folder, app)], { stdio: ['ignore', 'ignore', 'inherit'] });
  // The other user may not be let into where this repository lies.
  await cp(SIMPLE, join(folder, 'models/simple'), { recursive: true });
  await mkdir(join(folder, 'data'));
  await chown(join(folder, 'data'), other.uid ?? process.getuid?.() ?? 0, other.gid ?? process.getgid?.() ?? 0);
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

function start(app: 'gateway' | 'worker', env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [`apps/${app}/dist/main.js`], {
    cwd: join(folder, app),
    env: { NODE_ENV: 'production', LOG_LEVEL: 'warn', REDIS_URL: redis.url, BATCHYARD_CACHE: 'off', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    ...other,
  });
  children.push(child);
  return child;
}

test('an image has no development packages, and the binaries of its platform only', async () => {
  for (const app of ['gateway', 'worker'])
    for (const name of ['typescript', 'tsx', 'esbuild', 'oxlint', 'autocannon'])
      assert.ok(!existsSync(join(folder, app, 'node_modules', name)), `${name} in ${app}`);
  assert.ok(!existsSync(join(folder, 'gateway/node_modules/onnxruntime-node')));
  const binaries = join(folder, 'worker/node_modules/onnxruntime-node/bin');
  const found = await Promise.all(
    (await readdir(binaries)).flatMap((version) =>
      ['darwin', 'linux', 'win32'].map((platform) => readdir(join(binaries, version, platform)).catch(() => [])),
    ),
  );
  assert.deepEqual(found.flat(), [process.arch]);
});

test('they serve, and end with 0 on SIGTERM', async () => {
  const [port, opsPort, workerPort] = [await freePort(), await freePort(), await freePort()];
  const worker = start('worker', {
    BATCHYARD_MODELS: join(folder, 'models'),
    BATCHYARD_DATA: join(folder, 'data'),
    WORKER_OPS_PORT: String(workerPort),
    WORKER_OPS_HOST: '0.0.0.0',
  });
  const gateway = start('gateway', {
    PORT: String(port),
    OPS_PORT: String(opsPort),
    GRPC_PORT: '0',
    BATCHYARD_DURABILITY: 'durable',
  });
  for (const probe of [workerPort, opsPort])
    await until(`port ${probe} is ready`, async () =>
      (await fetch(`http://127.0.0.1:${probe}/readyz`)).ok ? true : undefined,
    );
  const answer = await post(`http://127.0.0.1:${port}/v2/models/simple/infer`, simpleBody(7));
  checkSimple(7, (await answer.json()) as Answer);
  assert.equal((await fetch(`http://127.0.0.1:${opsPort}/`)).status, 200, 'the dashboard is there');
  for (const child of [gateway, worker]) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  }
});
