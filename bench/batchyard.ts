/** Starts the product as a user does and tells its processes apart. */
import { startSystem } from '../tests/support/system.ts';
import { once } from './once.ts';
import { descendants } from './processes/tree.ts';
import type { Served } from './textbook/start.ts';

function roleOf(command: string): string {
  if (/redis-server|valkey-server/.test(command)) return 'redis';
  if (/gateway/.test(command)) return 'gateway';
  if (/worker/.test(command)) return 'worker';
  return 'other';
}

/** @param models a repository; every one of `names` must be ready before this resolves */
export async function startBatchyard(models: string, names: readonly string[]): Promise<Served> {
  const system = await startSystem({ BATCHYARD_MODELS: models });
  const limit = Date.now() + 60_000;
  for (const name of names) {
    while ((await fetch(`${system.url}/v2/models/${name}/ready`)).status !== 200) {
      if (Date.now() > limit) {
        await system.stop();
        throw new Error(`${name} is not ready`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const supervisor = system.child.pid ?? 0;
  return {
    port: Number(new URL(system.url).port),
    processes: () => [
      { pid: supervisor, role: 'supervisor' },
      ...descendants(supervisor).map(({ pid, command }) => ({ pid, role: roleOf(command) })),
    ],
    // A second signal would make the supervisor leave without its children.
    stop: once(() => system.stop().then(() => undefined)),
  };
}
