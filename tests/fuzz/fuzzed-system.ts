/** A system to be fuzzed: the models that the requests name, and a Redis of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeTestModels } from '../../models/make-test-models.ts';
import { startRedis } from '../support/redis.ts';
import { startSystem, type System } from '../support/system.ts';
import { FUZZED_MODELS } from './samples.ts';

export async function startFuzzedSystem(): Promise<{ system: System; stop(): Promise<void> }> {
  const models = await mkdtemp(join(tmpdir(), 'batchyard-fuzz-'));
  await makeTestModels(models, FUZZED_MODELS);
  const redis = await startRedis();
  const stopRest = async (): Promise<void> => {
    await redis.stop();
    await rm(models, { recursive: true, force: true });
  };
  try {
    const system = await startSystem({
      REDIS_URL: redis.url,
      BATCHYARD_MODELS: models,
      BATCHYARD_WORKERS: '2',
      BATCHYARD_RESULT_TTL: '20',
    });
    return {
      system,
      async stop() {
        await system.stop();
        await stopRest();
      },
    };
  } catch (error) {
    await stopRest();
    throw error;
  }
}
