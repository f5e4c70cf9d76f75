/** Part of the wiring: from a definition on disk to a session that is warm, and how its runs are watched. */
import { join } from 'node:path';

import { queueName, type Model } from '@batchyard/shared/contract/model';

import { createBatcher } from './batching/batcher.ts';
import { createLatencyBook } from './batching/latency-model.ts';
import type { RunWatch } from './batching/run-watch.ts';
import type { Config } from './config.ts';
import { loadModel, type LoadedModel } from './inference/load-model.ts';
import type { SlabPool } from './memory/slab-pool.ts';
import { batchingOf } from './repository/model-config.ts';
import type { ModelDefinition } from './repository/open-repository.ts';
import type { ServedModel } from './run-rows.ts';
import { acceptedOf, sameTensors, type Occupant } from './seat.ts';

type Parts = {
  readonly config: Pick<Config, 'BATCHYARD_THREADS' | 'BATCHYARD_DATA'>;
  readonly cores: number;
  readonly slabs: SlabPool;
  readonly watch: RunWatch;
  readonly now: () => number;
  /** A session thread ended by itself. */
  readonly broken: (queue: string, error: Error) => void;
};

/** `threads`: that a run keeps busy. */
export type Loaded = Occupant & { readonly definition: ModelDefinition; readonly threads: number };

/** @throws Error with a sentence that shows no path */
export type Occupy = (definition: ModelDefinition, predecessors: readonly Model[]) => Promise<Loaded>;

export function openOccupy({ config, cores, slabs, watch, now, broken }: Parts): Occupy {
  let sessions = 0;

  /** Runs on a session until it is retired, then where it is told. */
  function createRuns(queue: string, { session, model }: LoadedModel) {
    // Two sessions of a queue may run at once while one takes the other's place.
    const key = String((sessions += 1));
    let running = 0;
    let instead: (() => ServedModel) | undefined;
    let tellIdle = (): void => undefined;
    session.onEnd((error) => broken(queue, error));
    const run: ServedModel['run'] = (inputs, p99Ms) => {
      if (instead) {
        const other = instead();
        if (sameTensors(model, other.model)) return other.run(inputs, p99Ms);
        return Promise.reject(new Error('the session was closed before the batch ran'));
      }
      running += 1;
      watch.begin(queue, p99Ms, now(), key);
      return session.run(inputs).finally(() => {
        watch.end(queue, key);
        running -= 1;
        if (running === 0) tellIdle();
      });
    };
    async function retire(other: () => ServedModel): Promise<void> {
      instead = other;
      if (running > 0) await new Promise<void>((resolve) => (tellIdle = resolve));
      await session.close();
    }
    return { run, retire };
  }

  return async (definition, predecessors) => {
    const { config: own, sha256 } = definition;
    const threads = own.intraOpThreads ?? config.BATCHYARD_THREADS ?? Math.max(1, Math.floor(cores / 4));
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
    const queue = queueName(definition.name, definition.version);
    const batching = batchingOf(own, loaded.model.maxBatchSize);
    const latency = createLatencyBook(loaded.latency);
    const accepts = acceptedOf(loaded.model, predecessors);
    const model: Model = {
      ...loaded.model,
      sha256,
      responseCache: own.responseCache,
      batching,
      ...(own.queueing ? { queueing: own.queueing } : {}),
      ...(accepts.length > 0 ? { accepts } : {}),
    };
    const { run, retire } = createRuns(queue, loaded);
    return {
      definition,
      threads,
      served: { model, queue, latency, run },
      batcher: createBatcher(latency, batching),
      retire,
    };
  };
}
