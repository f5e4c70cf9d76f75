/** A Redis of its own for a test: own folder, free port, append-only file; killed and restarted at will. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startBundledRedis } from '../../apps/cli/src/redis/bundled-redis.ts';
import { debianRedis } from '../../apps/cli/src/redis/debian-package.ts';
import { findBinary, type RedisBinary } from '../../apps/cli/src/redis/find-binary.ts';
import { freePort, untilReady } from '../../apps/cli/src/redis/private-redis.ts';

export type TestRedis = {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  kill9(): Promise<void>;
  /** In good order. */
  shutdown(): Promise<void>;
  /** SIGSTOP, SIGCONT. */
  signal(name: NodeJS.Signals): void;
  /** The same port and folder again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const CACHE = fileURLToPath(new URL('../../.cache/redis', import.meta.url));

/** As the product finds it: on this machine, or the distribution's package unpacked without root. */
async function redisBinary(): Promise<RedisBinary> {
  const found = (await findBinary(process.env['PATH'] ?? '', process.env['REDIS_BIN'])) ?? (await debianRedis(CACHE));
  if (!found) throw new Error('the tests need a Redis 6.2 or later: sudo apt-get install redis-server');
  return found;
}

/** One file that starts it, for `REDIS_BIN`: a package that was unpacked needs its libraries named. */
export async function redisProgram(): Promise<string> {
  const { file, libraries } = await redisBinary();
  if (libraries === undefined) return file;
  const program = join(CACHE, 'redis-server');
  const making = `${program}.${process.pid}`;
  await writeFile(making, `#!/bin/sh\nLD_LIBRARY_PATH='${libraries}' exec '${file}' "$@"\n`, { mode: 0o755 });
  await rename(making, program);
  return program;
}

export async function startRedis(
  settings: readonly string[] = ['--appendonly', 'yes', '--appendfsync', 'everysec'],
): Promise<TestRedis> {
  const binary = await redisBinary();
  const dir = await mkdtemp(join(tmpdir(), 'batchyard-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const env = binary.libraries === undefined ? {} : { LD_LIBRARY_PATH: binary.libraries };
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(
      binary.file,
      ['--port', String(port), '--dir', dir, '--save', '', '--bind', '127.0.0.1', ...settings],
      {
        env,
        stdio: 'ignore',
      },
    );
    await untilReady(url, () => child.exitCode === null);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const kill9 = (): Promise<void> => end('SIGKILL');
  await start();
  return {
    url,
    port,
    dir,
    kill9,
    shutdown: () => end('SIGTERM'),
    signal: (name) => void child.kill(name),
    restart: start,
    async stop() {
      await kill9();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The development server of the product: it keeps nothing, so that it cannot be started again. */
export async function startBundled(): Promise<TestRedis> {
  const { url, pid, stop } = await startBundledRedis();
  return {
    url,
    port: Number(new URL(url).port),
    dir: '',
    kill9: stop,
    shutdown: stop,
    signal: (name) => void process.kill(pid() ?? 0, name),
    restart: () => Promise.reject(new Error('the bundled server keeps nothing')),
    stop,
  };
}
