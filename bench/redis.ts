/** A Redis for one system under test, found or fetched as the tests do it, with the append-only file written each second. */
import { connectRedis } from '@batchyard/shared/runtime/redis';

import { startRedis } from '../tests/support/redis.ts';
import { once } from './once.ts';

export type OwnRedis = {
  readonly url: string;
  readonly pid: number;
  readonly version: string;
  stop(): Promise<void>;
};

export async function startOwnRedis(): Promise<OwnRedis> {
  const server = await startRedis();
  const connection = connectRedis(server.url, 'commands', { commandTimeout: 10_000 });
  await connection.connect();
  const info = await connection.info('server');
  connection.disconnect();
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return {
    url: server.url,
    pid: Number(field('process_id')),
    version: field('redis_version'),
    stop: once(() => server.stop()),
  };
}
