/**
 * Part of the wiring: from a definition on disk to sessions that are warm. They may be taken out of memory while nothing
 * runs, and are opened again when something is to; then the file has to be the same.
 */
import { dirname, join } from 'node:path';

import { Failure } from '@batchyard/shared/contract/failure';
import { queueName, type Model } from '@batchyard/shared/contract/model';

import { createBatcher } from '@batchyard/shared/batching/batcher';
import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import type { RunWatch } from './batching/run-watch.ts';
import type { Config } from './config.ts';
import { loadModel, openSessions, type LoadedModel, type LoadRequest } from './inference/load-model.ts';
import type { Session } from './inference/open-session.ts';
import type { SlabPool } from './memory/slab-pool.ts';
import type { MemoryItem, ModelMemory } from './model-memory.ts';
import { batchingOf } from './repository/model-config.ts';
import { warmupTensors } from './repository/model-warmup.ts';
import { hashModel, type ModelDefinition } from './repository/open-repository.ts';
import type { NamedTensor, ServedModel } from './run-rows.ts';
import { acceptedOf, sameTensors, type Occupant } from './seat.ts';

type Parts = {
  readonly config: Pick<Config, 'BATCHYARD_THREADS' | 'BATCHYARD_DATA'>;
  readonly cores: number;
  readonly slabs: SlabPool;
  readonly memory: ModelMemory;
  readonly watch: RunWatch;
  /** The file is not the one that was loaded: the repository should be looked at. */
  readonly stale: () => void;
  readonly log: { warn(detail: Record<string, unknown>, sentence: string): void };
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** A session thread ended by itself. */
  readonly broken: (queue: string, error: Error) => void;
};

/** `threads`: that a run keeps busy. */
export type Loaded = Occupant & {
  readonly definition: ModelDefinition;
  readonly threads: number;
  readonly instances: number;
  /** Whether its sessions are in memory. */
  isIn(): boolean;
};

/** @throws Error with a sentence that shows no path */
export type Occupy = (definition: ModelDefinition, predecessors: readonly Model[]) => Promise<Loaded>;

/** A thread with its own JavaScript engine, beside the model: measured with a model of a few bytes. */
const SESSION_BYTES = 16 * 1_048_576;
/** onnxruntime keeps the weights, and once more as its kernels want them. */
const TIMES_FILE = 2;
/** For so long jobs wait for a newer file to take the place of one that is no longer there. */
const STALE_MS = 15_000;
const STALE_LOOK_MS = 100;

const bytesOf = ({ bytes, config }: ModelDefinition): number => config.instances * (SESSION_BYTES + TIMES_FILE * bytes);

async function requestOf(definition: ModelDefinition, { config, cores, slabs }: Parts): Promise<LoadRequest> {
  const { config: own } = definition;
  const folder = dirname(dirname(definition.file));
  const warmup = own.warmup.map(async (sample) => ({
    name: sample.name,
    count: sample.count,
    tensors: await warmupTensors(folder, sample),
  }));
  return {
    ...definition,
    maxBatchSize: own.maxBatchSize,
    nan: own.nan,
    intraOpThreads: own.intraOpThreads ?? config.BATCHYARD_THREADS ?? Math.max(1, Math.floor(cores / 4)),
    lengths: own.lengths,
    claimed: { inputs: own.inputs, outputs: own.outputs },
    cacheDir: join(config.BATCHYARD_DATA, 'latency'),
    instances: own.instances,
    providers: own.executionProviders,
    warmup: await Promise.all(warmup),
    release: slabs.release,
  };
}

/** The sessions of a definition as something that is in memory or not. */
function createItem(definition: ModelDefinition, request: LoadRequest, { broken }: Parts) {
  let loaded: LoadedModel | undefined;
  let sessions: Session[] = [];
  async function openAgain(): Promise<Session[]> {
    const { sha256 } = await hashModel(definition.file);
    if (sha256 !== definition.sha256) throw new Error('the model file is not the one that was loaded');
    return openSessions(request);
  }
  const item: MemoryItem = {
    bytes: bytesOf(definition),
    async load() {
      if (loaded) sessions = await openAgain();
      else {
        loaded = await loadModel(request);
        sessions = [loaded.session, ...loaded.others];
      }
      const queue = queueName(definition.name, definition.version);
      for (const session of sessions) session.onEnd((error) => broken(queue, error));
    },
    async unload() {
      const gone = sessions;
      sessions = [];
      await Promise.all(gone.map((session) => session.close()));
    },
  };
  return { item, loaded: () => loaded, sessions: () => sessions };
}

/** Runs on sessions until they are retired, then where it is told. */
function createRuns(model: Model, queue: string, { item, sessions }: ReturnType<typeof createItem>, parts: Parts) {
  const { memory, watch, slabs, now, pause, stale, log } = parts;
  const running = new Map<Session, number>();
  let instead: (() => ServedModel) | undefined;

  async function runOn(inputs: readonly NamedTensor[], p99Ms: number) {
    const count = (session: Session): number => running.get(session) ?? 0;
    const [session] = sessions().toSorted((a, b) => count(a) - count(b));
    if (!session) throw new Error('there is no session');
    running.set(session, count(session) + 1);
    const key = {};
    watch.begin(queue, p99Ms, now(), key);
    return session.run(inputs).finally(() => {
      watch.end(key);
      if (count(session) > 1) running.set(session, count(session) - 1);
      else running.delete(session);
    });
  }
  function runInstead(inputs: readonly NamedTensor[], p99Ms: number): ReturnType<ServedModel['run']> {
    const other = instead?.();
    if (other && other.run !== run && sameTensors(model, other.model)) return other.run(inputs, p99Ms);
    for (const { data } of inputs)
      if (data instanceof Uint8Array && data.byteLength > 0) slabs.release(data.buffer as ArrayBuffer);
    throw new Failure('worker_error', 'the model could not be loaded');
  }
  const run: ServedModel['run'] = async (inputs, p99Ms) => {
    if (instead) return runInstead(inputs, p99Ms);
    let isIn = false;
    try {
      return await memory.use(item, () => {
        isIn = true;
        return runOn(inputs, p99Ms);
      });
    } catch (error) {
      if (isIn) throw error;
      log.warn({ queue, err: error }, 'a model could not be opened again');
      stale();
      for (const since = now(); !instead && now() - since < STALE_MS;) await pause(STALE_LOOK_MS);
      return runInstead(inputs, p99Ms);
    }
  };
  return {
    run,
    async retire(other: () => ServedModel): Promise<void> {
      instead = other;
      await memory.drop(item);
    },
  };
}

export function openOccupy(parts: Parts): Occupy {
  const { memory } = parts;
  return async (definition, predecessors) => {
    const { config: own, sha256 } = definition;
    const request = await requestOf(definition, parts);
    const held = createItem(definition, request, parts);
    await memory
      .use(held.item, async () => undefined)
      .catch(async (error: unknown) => {
        await memory.drop(held.item);
        throw error;
      });
    const loaded = held.loaded();
    if (!loaded) throw new Error('the model could not be loaded');
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
    const { run, retire } = createRuns(loaded.model, queue, held, parts);
    return {
      definition,
      threads: request.intraOpThreads,
      instances: own.instances,
      isIn: () => memory.isIn(held.item),
      served: { model, queue, latency, run },
      batcher: createBatcher(latency, batching),
      retire,
    };
  };
}
