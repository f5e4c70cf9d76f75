/** From the repository to sessions that are warm. */
import { join } from 'node:path';

import type { Logger } from '@batchyard/shared/runtime/log';

import type { Config } from './config.ts';
import { loadModel, type LoadedModel } from './inference/load-model.ts';
import type { SlabPool } from './memory/slab-pool.ts';
import { openRepository, type ModelDefinition } from './repository/open-repository.ts';

/** `threads`: that a run keeps busy. */
type Loaded = { readonly definition: ModelDefinition; readonly loaded: LoadedModel; readonly threads: number };

/** Loads all models, one after the other; a problem of one is told and leaves the others alone. */
export async function loadAll(
  config: Config & { readonly cores: number },
  slabs: SlabPool,
  log: Logger,
): Promise<Loaded[]> {
  const { models, problems } = await openRepository(config.BATCHYARD_MODELS);
  for (const problem of problems) log.error(problem, 'a model cannot be served');
  const served: Loaded[] = [];
  for (const definition of models) {
    const { config: own, name, version } = definition;
    for (const note of own.notes) log.info({ model: name, version }, note);
    const threads = own.intraOpThreads ?? config.BATCHYARD_THREADS ?? Math.max(1, Math.floor(config.cores / 4));
    try {
      const loaded = await loadModel({
        ...definition,
        maxBatchSize: own.maxBatchSize,
        nan: own.nan,
        intraOpThreads: threads,
        lengths: own.lengths,
        claimed: { inputs: own.inputs, outputs: own.outputs },
        cacheDir: join(config.BATCHYARD_DATA, 'latency'),
        release: slabs.release,
      });
      served.push({ definition, loaded, threads });
    } catch (error) {
      log.error(
        { model: name, version, sentence: error instanceof Error ? error.message : '', err: error },
        'a model cannot be served',
      );
    }
  }
  return served;
}
