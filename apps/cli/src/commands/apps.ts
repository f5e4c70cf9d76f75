/** `batchyard gateway` and `batchyard worker`: one of the apps in its own process; signals are passed on. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Command } from 'commander';

import type { Shell } from '../shell.ts';
import { watchSignals } from '../watch-signals.ts';

async function runApp(name: 'gateway' | 'worker', env: NodeJS.ProcessEnv): Promise<number> {
  const child = fork(fileURLToPath(new URL(`../../../${name}/dist/main.js`, import.meta.url)), [], {
    stdio: 'inherit',
    env,
  });
  const end = (): void => void child.kill('SIGTERM');
  watchSignals(end, end);
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

export function addApps(program: Command, { env }: Shell): void {
  for (const name of ['gateway', 'worker'] as const) {
    program
      .command(name)
      .description(`start one ${name} alone; REDIS_URL says where`)
      .action(async () => {
        process.exitCode = await runApp(name, env);
      });
  }
}
