#!/usr/bin/env node
/** The command line: each group of commands stands in its own file of commands/. docs/cli.md lists them and the exit codes. */
import { Command } from 'commander';

import { addApps } from './commands/apps.ts';
import { addCapacity } from './commands/capacity.ts';
import { addConfig } from './commands/config.ts';
import { addDoctor } from './commands/doctor.ts';
import { addInfer, addSubmit } from './commands/infer.ts';
import { addJobs } from './commands/jobs.ts';
import { addK8s } from './commands/k8s.ts';
import { addKeys } from './commands/keys.ts';
import { addLoadTest } from './commands/loadtest.ts';
import { addModels } from './commands/models.ts';
import { addQueues } from './commands/queues.ts';
import { addTop } from './commands/top.ts';
import { addUp } from './commands/up.ts';
import { addWorkers } from './commands/workers.ts';
import { readSettingsFile } from './settings-file.ts';
import { failWith, print, type Shell } from './shell.ts';

const groups: readonly ((program: Command, shell: Shell) => void)[] = [
  addUp,
  addApps,
  addDoctor,
  addModels,
  addInfer,
  addSubmit,
  addJobs,
  addQueues,
  addWorkers,
  addTop,
  addKeys,
  addLoadTest,
  addCapacity,
  addK8s,
  (program, shell) => addConfig(program, shell, process.env),
];

async function main(): Promise<void> {
  const file = await readSettingsFile(process.env['BATCHYARD_CONFIG']);
  const shell: Shell = { env: { ...file?.values, ...process.env }, file, print };
  const program = new Command('batchyard').description('The durable inference queue').version('0.1.0');
  program.exitOverride().showHelpAfterError('  next: batchyard help');
  for (const add of groups) add(program, shell);
  await program.parseAsync();
}

await main().catch(failWith);
