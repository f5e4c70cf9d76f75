/** A whole system to be disturbed: Redis, the faulty network before it, supervisor, gateway, workers, clients. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { SCRIPTS } from '@batchyard/queue/scripts';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System, type WorkerLine } from '../support/system.ts';
import { processesOf } from '../support/processes.ts';
import { freePort } from '../../apps/cli/src/redis/private-redis.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { MODELS } from './subjects.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type WorldSettings = {
  /** Supervised ones; 2 unless said. */
  readonly workers?: number;
  /** In place of an append-only file that is synced each second. */
  readonly redis?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

export type World = {
  /** The models' folder. */
  readonly models: string;
  readonly redis: TestRedis;
  readonly proxy: FaultProxy;
  readonly system: System;
  /** Past the proxy, for what an operator would do. */
  readonly admin: Redis;
  /** Workers that serve and whose process lives. */
  serving(): Promise<WorkerLine[]>;
  /** Resolves when so many workers serve, the gateway is ready and a request was answered. */
  healthy(workers: number): Promise<void>;
  gatewayPid(): Promise<number>;
  /** A worker that nobody supervises, started with these flags of node; ended with the world at the latest. */
  addWorker(flags?: readonly string[]): ChildProcess;
  /** Another gateway that nobody supervises. @returns it, and the address of its operations port */
  addGateway(): Promise<{ child: ChildProcess; ops: string }>;
  workerPids(): number[];
  stop(): Promise<void>;
};

export function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function childPid(parent: number, part: string): Promise<number> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,args=']);
  const lines = stdout.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line));
  const found = lines.find((line) => Number(line?.[2]) === parent && line?.[3]?.includes(part));
  return Number(found?.[1] ?? 0);
}

async function connectedRedis(url: string): Promise<Redis> {
  const redis = connectRedis(url, 'commands', {
    enableOfflineQueue: true,
    commandTimeout: 30_000,
  });
  await redis.connect();
  return redis;
}

export async function startWorld(settings: WorldSettings = {}): Promise<World> {
  const models = await mkdtemp(join(tmpdir(), 'batchyard-chaos-'));
  await makeTestModels(models, MODELS);
  const redis = await startRedis(settings.redis);
  const proxy = await startFaultProxy(redis.port, SCRIPTS);
  const url = `redis://127.0.0.1:${proxy.port}`;
  const workers = String(settings.workers ?? 2);
  const own = { REDIS_URL: url, BATCHYARD_WORKERS: workers, BATCHYARD_MODELS: models };
  const system = await startSystem({ ...own, ...settings.env });
  const admin = await connectedRedis(redis.url);
  const extra = new Set<ChildProcess>();

  function add(app: 'gateway' | 'worker', env: Record<string, string>, flags: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [...flags, `apps/${app}/dist/main.js`], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        REDIS_URL: url,
        BATCHYARD_MODELS: models,
        BATCHYARD_DATA: system.data,
        LOG_LEVEL: 'silent',
        GRPC_PORT: 'off',
        ...settings.env,
        ...env,
      },
      stdio: 'ignore',
    });
    extra.add(child);
    child.once('exit', () => extra.delete(child));
    return child;
  }

  async function serving(): Promise<WorkerLine[]> {
    return (await system.workers()).filter(({ state, pid }) => state === 'serving' && alive(pid));
  }
  return {
    models,
    redis,
    proxy,
    system,
    admin,
    serving,
    async healthy(count) {
      await until(
        `${count} workers serve and the gateway is ready`,
        async () => {
          const ready = (await fetch(`${system.url}/v2/health/ready`)).status === 200;
          return ready && (await serving()).length >= count ? true : undefined;
        },
        60_000,
      );
    },
    gatewayPid: () => childPid(system.child.pid ?? 0, 'gateway'),
    workerPids: () => processesOf(system, 'worker'),
    addWorker: (flags = []) => add('worker', {}, flags),
    async addGateway() {
      const ports = { PORT: String(await freePort()), OPS_PORT: String(await freePort()) };
      return { child: add('gateway', ports, []), ops: `http://127.0.0.1:${ports.OPS_PORT}` };
    },
    async stop() {
      await Promise.all(
        [...extra].map(async (child) => {
          const ended = once(child, 'exit');
          child.kill('SIGKILL');
          await ended;
        }),
      );
      await system.stop();
      admin.disconnect();
      await proxy.stop();
      await redis.stop();
      await rm(models, { recursive: true, force: true });
    },
  };
}
