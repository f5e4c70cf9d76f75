import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Model } from '@batchyard/shared/contract/model';

import { createMemoryTier } from './memory-tier.ts';
import { createResponseCache, type Computed } from './response-cache.ts';

const NEVER = new Promise<void>(() => undefined);
const model = (signature: string): Model => ({
  name: 'm',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [],
  outputs: [{ name: 'Y', datatype: 'INT32', shape: [1] }],
  signature,
  sha256: signature,
  responseCache: true,
  nan: 'reject',
});
const OLD = model('0'.repeat(64));
const NEW = model('1'.repeat(64));

/** One question, asked of the model as this gateway knows it, and computed by whatever serves it by now. */
function puppet() {
  const memory = createMemoryTier(1_048_576, 60_000);
  const cache = createResponseCache({
    memory,
    redis: undefined,
    roomInRedis: () => false,
    pause: async () => undefined,
  });
  let runs = 0;
  async function ask(known: Model, ran: string | undefined): Promise<string> {
    const question = {
      model: known,
      queue: 'm@1',
      tenant: '-',
      input: Buffer.from('x'),
      priority: 'normal',
      remainingMs: 1_000,
    } as const;
    const compute = async (): Promise<Computed> => {
      runs += 1;
      return { blob: Buffer.from(`run ${runs}`), signature: ran };
    };
    const { blob, cache: how } = await cache.answer(question, NEVER, compute);
    return `${blob.toString()} ${how ?? 'computed'}`;
  }
  return ask;
}

test('what a model has computed is given again', async () => {
  const ask = puppet();
  assert.equal(await ask(OLD, '0'.repeat(16)), 'run 1 computed');
  assert.equal(await ask(OLD, '0'.repeat(16)), 'run 1 hit');
});

test('what the file that replaced it has computed is not kept under its name, as it would be told when the old one is back', async () => {
  const ask = puppet();
  assert.equal(await ask(OLD, '1'.repeat(16)), 'run 1 computed');
  assert.equal(await ask(NEW, '1'.repeat(16)), 'run 2 computed');
  assert.equal(await ask(NEW, '1'.repeat(16)), 'run 2 hit');
  assert.equal(await ask(OLD, '0'.repeat(16)), 'run 3 computed');
});

test('what a worker does not say who computed it is not kept', async () => {
  const ask = puppet();
  assert.equal(await ask(OLD, undefined), 'run 1 computed');
  assert.equal(await ask(OLD, undefined), 'run 2 computed');
});
