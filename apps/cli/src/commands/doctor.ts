/** `batchyard doctor`: what this machine and its Redis are like. */
import type { Command } from 'commander';

import { onStdout } from '../colours.ts';
import { readConfig } from '../config.ts';
import { examine } from '../doctor.ts';
import { EXIT, type Shell } from '../shell.ts';

export function addDoctor(program: Command, { env, print }: Shell): void {
  program
    .command('doctor')
    .description('look at this machine and its Redis')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const findings = await examine(readConfig(env), env);
      if (json) print(JSON.stringify(findings));
      else
        for (const { what, ok, detail, next } of findings) {
          print(`${ok ? onStdout.green('✓') : onStdout.red('✗')} ${what}: ${detail}`);
          if (!ok && next !== undefined) print(`  next: ${onStdout.bold(next)}`);
        }
      process.exitCode = findings.every((finding) => finding.ok) ? EXIT.done : EXIT.failed;
    });
}
