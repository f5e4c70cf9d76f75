/** Starts the textbook design for one model: its own Redis, its server and its worker. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once as event } from 'node:events';
import { fileURLToPath } from 'node:url';

import { modelFile, type BenchModel } from '../model-rows.ts';
import { once } from '../once.ts';
import { startOwnRedis } from '../redis.ts';

export type Served = {
  readonly port: number;
  /** Every process of the system, by what it is. */
  processes(): { readonly pid: number; readonly role: string }[];
  stop(): Promise<void>;
};

async function startProgram(file: string, args: readonly string[]): Promise<{ child: ChildProcess; message: unknown }> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = event(child, 'exit').then(() => {
    throw new Error(`textbook/${file} ended before it served`);
  });
  const [message] = (await Promise.race([event(child, 'message'), ended])) as [unknown];
  ended.catch(() => undefined);
  return { child, message };
}

async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await event(child, 'exit');
}

export async function startTextbook(folder: string, model: BenchModel): Promise<Served> {
  const redis = await startOwnRedis();
  const [worker, server] = await Promise.all([
    startProgram('worker.mjs', [redis.url, model, modelFile(folder, model)]),
    startProgram('server.mjs', [redis.url, model]),
  ]);
  return {
    port: (server.message as { port: number }).port,
    processes: () => [
      { pid: server.child.pid ?? 0, role: 'server' },
      { pid: worker.child.pid ?? 0, role: 'worker' },
      { pid: redis.pid, role: 'redis' },
    ],
    stop: once(async () => {
      await Promise.all([stopProgram(server.child), stopProgram(worker.child)]);
      await redis.stop();
    }),
  };
}
