/** The bundled pure-JavaScript server, as a process of its own: for trying out where nothing else can be had. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { freePort, untilReady, type OwnRedis } from './private-redis.ts';

export const BUNDLED_BANNER = [
  '┌─────────────────────────────────────────────────────────────────────────────┐',
  '│ No Redis was found. The bundled development server is used: it keeps        │',
  '│ everything in memory, loses it when it stops, and is many times slower.     │',
  '└─────────────────────────────────────────────────────────────────────────────┘',
].join('\n');

export function installLine(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return 'brew install valkey';
  if (platform === 'win32') return 'wsl --install, and inside it: sudo apt-get install redis-server';
  return 'sudo apt-get install redis-server   (or: sudo dnf install valkey)';
}

export async function startBundledRedis(): Promise<OwnRedis> {
  const port = await freePort();
  const main = createRequire(import.meta.url).resolve('js-redis-server');
  const child = spawn(process.execPath, [join(dirname(main), 'cli.js'), '--port', String(port)], {
    stdio: 'ignore',
    detached: true,
  });
  child.on('error', () => undefined);
  const url = `redis://127.0.0.1:${port}`;
  await untilReady(url, () => child.exitCode === null);
  return {
    url,
    pid: () => child.pid,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const ended = once(child, 'exit');
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2_000))]);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    },
  };
}
