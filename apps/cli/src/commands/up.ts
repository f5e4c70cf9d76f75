/** `batchyard up`: everything on this machine. */
import type { Command } from 'commander';

import { readConfig } from '../config.ts';
import { failWith, type Shell } from '../shell.ts';
import { up } from '../up.ts';
import { settingsByFlags, upOptions, type UpFlags } from './up-flags.ts';

export function addUp(program: Command, { env }: Shell): void {
  const command = program.command('up', { isDefault: true }).description('start everything on this machine');
  upOptions(command).action(async (flags: UpFlags) => {
    const { BATCHYARD_INSECURE_NO_AUTH: open, ...given } = settingsByFlags(flags);
    const all = open === undefined ? env : { ...env, BATCHYARD_INSECURE_NO_AUTH: open };
    try {
      process.exitCode = await up(readConfig(all, given), all);
    } catch (error) {
      failWith(error);
    }
    process.exit();
  });
}
