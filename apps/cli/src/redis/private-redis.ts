/**
 * A Redis of our own: its own folder, a free port on the loopback interface, an append-only file, no eviction. It is
 * started again at once, on the same port, when it dies, and stopped with SHUTDOWN.
 */
import { randomInt } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { connectRedis } from '@batchyard/shared/runtime/redis';

import { StopSentence } from '../stop-sentence.ts';
import type { RedisBinary } from './find-binary.ts';

export type OwnRedis = {
  readonly url: string;
  readonly pid: () => number | undefined;
  stop(): Promise<void>;
};

const READY_LIMIT_MS = 30_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Below the range that systems give to outgoing connections (32768 and up), any of which could take it meanwhile. */
const FREE_PORTS = { from: 12_000, count: 20_000 };
const FREE_PORT_TRIES = 100;

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < FREE_PORT_TRIES; i += 1) {
    const port = randomInt(FREE_PORTS.from, FREE_PORTS.from + FREE_PORTS.count);
    if (await listens(port)) return port;
  }
  throw new Error('no free port was found');
}

/** Waits until it answers PING and has read its file. */
export async function untilReady(url: string, alive: () => boolean): Promise<void> {
  const limit = Date.now() + READY_LIMIT_MS;
  while (Date.now() < limit && alive()) {
    const redis = connectRedis(url, 'commands', { retryStrategy: () => null });
    try {
      await redis.connect();
      if ((await redis.ping()) === 'PONG') return;
    } catch {
      await pause(20);
    } finally {
      redis.disconnect();
    }
  }
  throw doesNotStart('');
}

const doesNotStart = (why: string): StopSentence =>
  new StopSentence(`the private Redis does not start${why}`, 'npm start -- --redis bundled');

async function shutdown(url: string): Promise<void> {
  const redis = connectRedis(url, 'commands', { retryStrategy: () => null, commandTimeout: 5_000 });
  try {
    await redis.connect();
    await redis.shutdown('SAVE').catch(() => undefined);
  } catch {
    // It is not there any more, which is what was wanted.
  } finally {
    redis.disconnect();
  }
}

/** A private Redis that outlived its supervisor holds the folder: it is stopped, so that one process owns the file. */
async function stopOrphan(folder: string): Promise<void> {
  const kept = await readFile(join(folder, 'port'), 'utf8').catch(() => '');
  if (kept !== '') await shutdown(`redis://127.0.0.1:${kept.trim()}`);
}

async function lastLine(file: string): Promise<string> {
  const text = (await readFile(file, 'utf8').catch(() => '')).trim();
  return text === '' ? '' : `: ${text.slice(text.lastIndexOf('\n') + 1)}`;
}

type Options = {
  readonly binary: RedisBinary;
  readonly folder: string;
  readonly maxmemory: string;
  readonly report: (sentence: string) => void;
};

export async function startPrivateRedis({ binary, folder, maxmemory, report }: Options): Promise<OwnRedis> {
  await mkdir(folder, { recursive: true });
  await stopOrphan(folder);
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--appendonly',
    'yes',
    '--appendfsync',
    'everysec',
  ];
  args.push(
    '--save',
    '',
    '--maxmemory',
    maxmemory,
    '--maxmemory-policy',
    'noeviction',
    '--daemonize',
    'no',
    '--loglevel',
    'warning',
  );
  const env = binary.libraries === undefined ? {} : { LD_LIBRARY_PATH: binary.libraries };
  const log = join(folder, 'redis.log');
  const said = await open(log, 'w');
  let child: ChildProcess;
  let stopping = false;
  let ready = false;
  /** It ended before it had answered once, and would again. */
  let broken = false;

  function start(): void {
    const stdio = ['ignore', said.fd, said.fd] as const;
    child = spawn(binary.file, args, { env: { PATH: '/usr/bin:/bin', ...env }, stdio: [...stdio], detached: true });
    child.on('error', () => (broken = !ready));
    child.on('exit', (code, signal) => {
      if (stopping) return;
      if (!ready) {
        broken = true;
        return;
      }
      report(`the private Redis ended (${signal ?? code}); it is started again on the same port`);
      setTimeout(() => (stopping ? undefined : start()), 50);
    });
  }
  start();
  await untilReady(url, () => !broken).catch(async (error: unknown) => {
    stopping = true;
    child.kill('SIGKILL');
    await said.close();
    throw broken ? doesNotStart(await lastLine(log)) : error;
  });
  ready = true;
  await writeFile(join(folder, 'port'), String(port));
  return {
    url,
    pid: () => child.pid,
    async stop() {
      stopping = true;
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
      await shutdown(url);
      await Promise.race([ended, pause(5_000)]);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await said.close();
      await rm(join(folder, 'port'), { force: true });
    },
  };
}
