/** Starts the product as a user does, on a Redis of ours so that both designs have the same, and tells its processes apart. */
import { startSystem, until } from '../tests/support/system.ts';
import { once } from './once.ts';
import { descendants } from './processes/tree.ts';
import { startOwnRedis } from './redis.ts';
import type { Served } from './textbook/start.ts';

function roleOf(command: string): string {
  if (/gateway/.test(command)) return 'gateway';
  if (/worker/.test(command)) return 'worker';
  return 'other';
}

/** `ops`: where its operations listener is; `redis`: the server that it was given. */
export type Batchyard = Served & { readonly ops: string; readonly redis: string };

/** @param models a repository; every one of `names` must be ready before this resolves */
export async function startBatchyard(
  models: string,
  names: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Batchyard> {
  const redis = await startOwnRedis();
  const system = await startSystem({ ...env, BATCHYARD_MODELS: models, REDIS_URL: redis.url }).catch(
    async (error: unknown) => {
      await redis.stop();
      throw error;
    },
  );
  // A second signal would make the supervisor leave without its children.
  const stop = once(async () => {
    await system.stop();
    await redis.stop();
  });
  try {
    for (const name of names) {
      await until(`${name} is ready`, async () =>
        (await fetch(`${system.url}/v2/models/${name}/ready`)).status === 200 ? true : undefined,
      );
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const supervisor = system.child.pid ?? 0;
  return {
    port: Number(new URL(system.url).port),
    ops: system.ops,
    redis: redis.url,
    processes: () => [
      { pid: supervisor, role: 'supervisor' },
      { pid: redis.pid, role: 'redis' },
      ...descendants(supervisor).map(({ pid, command }) => ({ pid, role: roleOf(command) })),
    ],
    stop,
  };
}
