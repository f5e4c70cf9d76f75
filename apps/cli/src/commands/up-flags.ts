/** The flags of `up`, which `config show` takes too, and the settings that they stand for. */
import type { Command } from 'commander';

export type UpFlags = {
  readonly port?: string;
  readonly opsPort?: string;
  readonly workers?: string;
  readonly gateways?: string;
  readonly models?: string;
  readonly data?: string;
  readonly redis?: string;
  readonly insecureNoAuth?: boolean;
};

export const upOptions = (command: Command): Command =>
  command
    .option('--port <port>', 'public port')
    .option('--ops-port <port>', 'operations port')
    .option('--workers <count>', 'worker processes')
    .option('--gateways <count>', 'gateway processes behind the public port')
    .option('--models <folder>', 'model repository')
    .option('--data <folder>', 'where the private Redis and caches are kept')
    .option('--redis <which>', 'auto, private or bundled')
    .option('--insecure-no-auth', 'listen beyond this machine without keys');

export function settingsByFlags(flags: UpFlags): Record<string, string> {
  const { port, opsPort, workers, gateways, models, data, redis, insecureNoAuth } = flags;
  const all = {
    PORT: port,
    OPS_PORT: opsPort,
    BATCHYARD_WORKERS: workers,
    BATCHYARD_GATEWAYS: gateways,
    BATCHYARD_MODELS: models,
    BATCHYARD_DATA: data,
    BATCHYARD_REDIS: redis,
    BATCHYARD_INSECURE_NO_AUTH: insecureNoAuth ? '1' : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined));
}
