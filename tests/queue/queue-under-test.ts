/** A real Redis, the operations on it, and jobs to put through them. */
import type { NewJob } from '@batchyard/queue/operations';
import { createQueueOperations, type QueueOperations } from '@batchyard/queue/queue';
import type { QueueSettings } from '@batchyard/queue/settings';
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { startBundled, startRedis, type TestRedis } from '../support/redis.ts';

export const PREFIX = '{by0}';
export const QUEUE = 'simple@1';

export type QueueUnderTest = {
  readonly redis: TestRedis;
  readonly commands: Redis;
  readonly queue: QueueOperations;
  /** The same operations with other settings. */
  with(settings: Partial<QueueSettings>): QueueOperations;
  close(): Promise<void>;
};

export async function startQueue(): Promise<QueueUnderTest> {
  const redis = await (process.env['BATCHYARD_TEST_REDIS'] === 'bundled' ? startBundled() : startRedis());
  const commands = connectRedis(redis.url, 'commands', { commandTimeout: 10_000 });
  const blocking = connectRedis(redis.url, 'blocking');
  await Promise.all([commands.connect(), blocking.connect()]);
  const make = (settings: Partial<QueueSettings>): QueueOperations =>
    createQueueOperations({ commands, blocking, prefix: PREFIX, ...settings });
  await commands.hset(`${PREFIX}:x:queues`, QUEUE, JSON.stringify(MODEL));
  return {
    redis,
    commands,
    queue: make({}),
    with: make,
    async close() {
      commands.disconnect();
      blocking.disconnect();
      await redis.stop();
    },
  };
}

const MODEL = {
  name: 'simple',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [{ name: 'INPUT0', datatype: 'INT32', shape: [16] }],
  outputs: [{ name: 'OUTPUT0', datatype: 'INT32', shape: [16] }],
  signature: '0123456789abcdef',
  nan: 'pass',
};

let made = 0;
export function newJob(job: Partial<NewJob> = {}): NewJob {
  made += 1;
  return {
    id: `aaaaaaa-${String(made).padStart(20, '0')}`,
    kind: 'durable',
    priority: 'normal',
    remainingMs: 30_000,
    rows: 1,
    group: '-',
    gateway: '',
    tenant: '-',
    signature: '0123456789abcdef',
    input: Buffer.from(`input ${made}`),
    ...job,
  };
}

let batches = 0;
export const takeRequest = (
  token: string,
  maxRows = 64,
): { token: string; batch: number; maxRows: number; lockMs: number } => ({
  token,
  batch: (batches += 1),
  maxRows,
  lockMs: 30_000,
});

export const finished = (id: string, output = `output of ${id}`): { id: string; output: Buffer; receipt: string } => ({
  id,
  output: Buffer.from(output),
  receipt: '{"rows":1}',
});
