#!/usr/bin/env node
/** The command line: each group of commands stands in its own file of commands/. Exit codes: shell.ts. */
import { Command } from 'commander';

import { addApps } from './commands/apps.ts';
import { addDoctor } from './commands/doctor.ts';
import { addLoadTest } from './commands/loadtest.ts';
import { addUp } from './commands/up.ts';
import { failWith, print, type Shell } from './shell.ts';

const program = new Command('batchyard').description('The durable inference queue').version('0.1.0');
const shell: Shell = { env: process.env, print };

const groups: readonly ((program: Command, shell: Shell) => void)[] = [addUp, addApps, addDoctor, addLoadTest];
for (const add of groups) add(program, shell);

await program.parseAsync().catch(failWith);
