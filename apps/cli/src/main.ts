#!/usr/bin/env node
/** The command line. Exit codes: 0 done, 1 something failed, 2 it cannot start and says what to type next. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { Command } from 'commander';
import pc from 'picocolors';

import { readConfig } from './config.ts';
import { examine } from './doctor.ts';
import { StopSentence } from './stop-sentence.ts';
import { up } from './up.ts';
import { watchSignals } from './watch-signals.ts';

type UpFlags = {
  readonly port?: string;
  readonly opsPort?: string;
  readonly workers?: string;
  readonly models?: string;
  readonly data?: string;
  readonly redis?: string;
  readonly insecureNoAuth?: boolean;
};

function explain(error: unknown): number {
  const sentence = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${pc.red('✗')} ${sentence}\n`);
  if (error instanceof StopSentence) process.stderr.write(`  next: ${pc.bold(error.hint)}\n`);
  return 2;
}

/** Runs one of the apps in its own process and passes signals on. */
async function runApp(name: 'gateway' | 'worker'): Promise<number> {
  const child = fork(fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url)), [], { stdio: 'inherit' });
  const end = (): void => void child.kill('SIGTERM');
  watchSignals(end, end);
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

const program = new Command('batchyard').description('The durable inference queue').version('0.1.0');

program
  .command('up', { isDefault: true })
  .description('start everything on this machine')
  .option('--port <port>', 'public port')
  .option('--ops-port <port>', 'operations port')
  .option('--workers <count>', 'worker processes')
  .option('--models <folder>', 'model repository')
  .option('--data <folder>', 'where the private Redis and caches are kept')
  .option('--redis <which>', 'auto, private or bundled')
  .option('--insecure-no-auth', 'listen beyond this machine without keys')
  .action(async ({ insecureNoAuth, port, opsPort, workers, models, data, redis }: UpFlags) => {
    const flags = {
      PORT: port,
      OPS_PORT: opsPort,
      BATCHYARD_WORKERS: workers,
      BATCHYARD_MODELS: models,
      BATCHYARD_DATA: data,
      BATCHYARD_REDIS: redis,
    };
    const env = insecureNoAuth ? { ...process.env, BATCHYARD_INSECURE_NO_AUTH: '1' } : process.env;
    process.exitCode = await up(readConfig(env, flags), env).catch(explain);
    process.exit();
  });
for (const name of ['gateway', 'worker'] as const) {
  program
    .command(name)
    .description(`start one ${name} alone; REDIS_URL says where`)
    .action(async () => {
      process.exitCode = await runApp(name);
    });
}
program
  .command('doctor')
  .description('look at this machine and its Redis')
  .option('--json', 'print JSON')
  .action(async ({ json }: { json?: boolean }) => {
    const findings = await examine(readConfig(process.env));
    if (json) process.stdout.write(`${JSON.stringify(findings)}\n`);
    else
      for (const { what, ok, detail } of findings)
        process.stdout.write(`${ok ? pc.green('✓') : pc.red('✗')} ${what}: ${detail}\n`);
    process.exitCode = findings.every((finding) => finding.ok) ? 0 : 1;
  });

await program.parseAsync().catch((error: unknown) => {
  process.exitCode = explain(error);
});
