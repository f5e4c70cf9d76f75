/** From the repository to sessions that are warm. */
import { join } from 'node:path';

import type { Logger } from '@batchyard/shared/runtime/log';

import type { Config } from './config.ts';
import { availableCpus } from './inference/cpu-quota.ts';
import { loadModel, type LoadedModel } from './inference/load-model.ts';
import type { SlabPool } from './memory/slab-pool.ts';
import { openRepository, type ModelDefinition } from './repository/open-repository.ts';

/** Loads all models, one after the other; a problem of one is told and leaves the others alone. */
export async function loadAll(
  config: Config,
  slabs: SlabPool,
  log: Logger,
): Promise<{ definition: ModelDefinition; loaded: LoadedModel }[]> {
  const { models, problems } = await openRepository(config.BATCHYARD_MODELS);
  for (const problem of problems) log.error(problem, 'a model cannot be served');
  const cpus = await availableCpus();
  const served: { definition: ModelDefinition; loaded: LoadedModel }[] = [];
  for (const definition of models) {
    const { config: own, name } = definition;
    for (const note of own.notes) log.info({ model: name }, note);
    try {
      const loaded = await loadModel({
        ...definition,
        maxBatchSize: own.maxBatchSize,
        nan: own.nan,
        intraOpThreads: own.intraOpThreads ?? config.BATCHYARD_THREADS ?? Math.max(1, Math.floor(cpus / 4)),
        lengths: own.lengths,
        claimed: { inputs: own.inputs, outputs: own.outputs },
        cacheDir: join(config.BATCHYARD_DATA, 'latency'),
        release: slabs.release,
      });
      served.push({ definition, loaded });
    } catch (error) {
      log.error(
        { model: name, sentence: error instanceof Error ? error.message : '', err: error },
        'a model cannot be served',
      );
    }
  }
  return served;
}
