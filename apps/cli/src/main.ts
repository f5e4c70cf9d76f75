#!/usr/bin/env node
/** The command line: each group of commands stands in its own file of commands/. docs/cli.md lists them and the exit codes. */
import { Command } from 'commander';

import { readSettingsFile } from './settings-file.ts';
import { failWith, print, type Shell } from './shell.ts';

type Add = (program: Command, shell: Shell) => void;

/** By the first word that is typed, in the order of the help. */
const GROUPS: Readonly<Record<string, () => Promise<Add>>> = {
  up: async () => (await import('./commands/up.ts')).addUp,
  gateway: async () => (await import('./commands/apps.ts')).addApps,
  worker: async () => (await import('./commands/apps.ts')).addApps,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor,
  models: async () => (await import('./commands/models.ts')).addModels,
  infer: async () => (await import('./commands/infer.ts')).addInfer,
  submit: async () => (await import('./commands/infer.ts')).addSubmit,
  jobs: async () => (await import('./commands/jobs.ts')).addJobs,
  queues: async () => (await import('./commands/queues.ts')).addQueues,
  workers: async () => (await import('./commands/workers.ts')).addWorkers,
  top: async () => (await import('./commands/top.ts')).addTop,
  keys: async () => (await import('./commands/keys.ts')).addKeys,
  loadtest: async () => (await import('./commands/loadtest.ts')).addLoadTest,
  capacity: async () => (await import('./commands/capacity.ts')).addCapacity,
  k8s: async () => (await import('./commands/k8s.ts')).addK8s,
  async config() {
    const { addConfig } = await import('./commands/config.ts');
    return (program, shell) => addConfig(program, shell, process.env);
  },
};

/** What was typed alone, so that `up`, which runs for months, holds nothing of the others; all of them where help is asked for. */
async function chosenGroups(word: string | undefined): Promise<Iterable<Add>> {
  const one = word !== undefined && Object.hasOwn(GROUPS, word) ? GROUPS[word] : undefined;
  return new Set(await Promise.all((one ? [one] : Object.values(GROUPS)).map((load) => load())));
}

async function main(): Promise<void> {
  const file = await readSettingsFile(process.env['BATCHYARD_CONFIG']);
  const shell: Shell = { env: { ...file?.values, ...process.env }, file, print };
  const program = new Command('batchyard').description('The durable inference queue').version('0.1.0');
  program.exitOverride().showHelpAfterError('  next: batchyard help');
  for (const add of await chosenGroups(process.argv[2])) add(program, shell);
  await program.parseAsync();
}

await main().catch(failWith);
