/** The whole product as a user starts it, on free ports and in a folder of its own: `batchyard up` as a child process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort } from '../../apps/cli/src/redis/private-redis.ts';
import { redisProgram } from './redis.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type WorkerLine = {
  readonly id: string;
  readonly pid: number;
  readonly state: string;
  readonly in_flight: number;
  readonly cores: number;
  readonly models: readonly unknown[];
};

export type System = {
  readonly url: string;
  readonly ops: string;
  /** Host and port, where it was asked for with `GRPC_PORT: '0'`. */
  readonly grpc: string;
  readonly data: string;
  readonly child: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  workers(): Promise<WorkerLine[]>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
};

/** Waits until `probe` gives something, asking again every few milliseconds. */
export async function until<T>(what: string, probe: () => Promise<T | undefined>, limitMs = 30_000): Promise<T> {
  const limit = Date.now() + limitMs;
  for (;;) {
    const found = await probe().catch(() => undefined);
    if (found !== undefined) return found;
    if (Date.now() > limit) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Where nothing is said of Redis it has one of its own, of the program that all tests use; `REDIS_BIN: ''`: as a user's search finds it. */
async function withRedis({ REDIS_BIN: program, ...env }: Record<string, string>): Promise<Record<string, string>> {
  if (program === '' || 'REDIS_URL' in env || 'BATCHYARD_REDIS' in env) return env;
  return { ...env, REDIS_BIN: program ?? (await redisProgram()) };
}

export async function startSystem(env: Record<string, string> = {}): Promise<System> {
  const data = await mkdtemp(join(tmpdir(), 'batchyard-system-'));
  const [port, opsPort] = [await freePort(), await freePort()];
  const grpcPort = env['GRPC_PORT'] === '0' ? await freePort() : (env['GRPC_PORT'] ?? 'off');
  let printed = '';
  const child = spawn(process.execPath, ['apps/cli/dist/main.js', 'up'], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      PORT: String(port),
      OPS_PORT: String(opsPort),
      BATCHYARD_DATA: data,
      LOG_LEVEL: 'warn',
      // Tests and benchmarks mean the queue unless they say otherwise.
      BATCHYARD_CACHE: 'off',
      ...(await withRedis(env)),
      GRPC_PORT: String(grpcPort),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  const ops = `http://127.0.0.1:${opsPort}`;
  const system: System = {
    url,
    ops,
    data,
    child,
    output: () => printed,
    grpc: `127.0.0.1:${grpcPort}`,
    async workers() {
      const answer = (await (await fetch(`${ops}/v1/workers`)).json()) as { workers: WorkerLine[] };
      return answer.workers;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(data, { recursive: true, force: true });
      return child.exitCode;
    },
  };
  try {
    await until(
      'the system is ready',
      async () => {
        if (child.exitCode !== null) throw new Error('it ended');
        return (await fetch(`${url}/v2/health/ready`)).status === 200 ? true : undefined;
      },
      60_000,
    );
  } catch (error) {
    await system.stop();
    throw new Error(`${String(error)}\n${printed}`, { cause: error });
  }
  return system;
}
