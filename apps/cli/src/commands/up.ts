/** `batchyard up`: everything on this machine. */
import type { Command } from 'commander';

import { readConfig } from '../config.ts';
import { failWith, type Shell } from '../shell.ts';
import { up } from '../up.ts';

type UpFlags = {
  readonly port?: string;
  readonly opsPort?: string;
  readonly workers?: string;
  readonly models?: string;
  readonly data?: string;
  readonly redis?: string;
  readonly insecureNoAuth?: boolean;
};

export function addUp(program: Command, { env }: Shell): void {
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
      const given = insecureNoAuth ? { ...env, BATCHYARD_INSECURE_NO_AUTH: '1' } : env;
      try {
        process.exitCode = await up(readConfig(given, flags), given);
      } catch (error) {
        failWith(error);
      }
      process.exit();
    });
}
