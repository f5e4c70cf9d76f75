/** Starts one of the peers for a model, and waits until it answers. */
import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort } from '../../apps/cli/src/redis/private-redis.ts';
import { pythonWith } from '../../tests/support/python.ts';
import { until } from '../../tests/support/system.ts';
import { MAX_BATCH, modelFile, ROW_SHAPE, type BenchModel } from '../model-rows.ts';
import { once } from '../once.ts';
import { descendants } from '../processes/tree.ts';
import { startOwnRedis } from '../redis.ts';
import type { Served } from '../textbook/start.ts';
import type { Peer } from './peers.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** What it starts may outlive it for a moment, and hold its port. */
const GONE_MS = 5_000;

async function answers(port: number, model: BenchModel): Promise<true | undefined> {
  const shape = [1, ...ROW_SHAPE[model]];
  const data = Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => 0.5);
  const body = JSON.stringify({ inputs: [{ name: 'INPUT', datatype: 'FP32', shape, data }] });
  const headers = { 'content-type': 'application/json' };
  const asked = { method: 'POST', headers, body, signal: AbortSignal.timeout(5_000) };
  const response = await fetch(`http://127.0.0.1:${port}/v2/models/${model}/infer`, asked).catch(() => undefined);
  return response?.ok === true ? true : undefined;
}

/** @returns why it cannot be had, where it cannot */
export async function startPeer(
  peer: Peer,
  folder: string,
  model: BenchModel,
): Promise<Served | { readonly missing: string }> {
  const found = await pythonWith(peer.packages);
  if ('missing' in found) return found;
  const redis = peer.redis ? await startOwnRedis() : undefined;
  const port = await freePort();
  const env = {
    ...process.env,
    PYTHONDONTWRITEBYTECODE: '1',
    PATH: `${dirname(found.python)}:${process.env['PATH']}`,
    PEER_MODEL: model,
    PEER_FILE: modelFile(folder, model),
    PEER_SHAPE: JSON.stringify(ROW_SHAPE[model]),
    PEER_MAX_BATCH: String(MAX_BATCH[model]),
    PEER_PORT: String(port),
    ...(redis ? { PEER_REDIS: redis.url } : {}),
  };
  const child = spawn(found.python, [...peer.program, ...(peer.args?.(port) ?? [])], {
    cwd: HERE,
    env,
    stdio: 'ignore',
    detached: true,
  });
  const ended = event(child, 'exit');
  const stop = once(async () => {
    const group = -(child.pid ?? 0);
    try {
      process.kill(group, 'SIGTERM');
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, GONE_MS))]);
      process.kill(group, 'SIGKILL');
    } catch {
      // All of it has gone.
    }
    await redis?.stop();
  });
  try {
    await Promise.race([
      until(`${peer.name} answers`, () => answers(port, model), 90_000),
      ended.then(() => {
        throw new Error(`${peer.name} ended before it answered`);
      }),
    ]);
  } catch (error) {
    await stop();
    return { missing: String(error) };
  }
  return {
    port,
    processes: () => [
      { pid: child.pid ?? 0, role: 'server' },
      ...descendants(child.pid ?? 0).map(({ pid }) => ({ pid, role: 'server' })),
      ...(redis ? [{ pid: redis.pid, role: 'redis' }] : []),
    ],
    stop,
  };
}
