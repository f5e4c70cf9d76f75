/**
 * Part of the wiring: the models that this worker serves, brought to what the repository wants of it, one model at a time.
 * What is new is loaded and warm before anything is taken away for it; what is broken changes nothing but the report; what
 * is no longer wanted is announced as withdrawn, serves what was asked of it until then, and ends.
 */
import { changedBatching, type BatchingChange } from '@batchyard/shared/contract/batching';
import type { RepositoryLine } from '@batchyard/shared/contract/repository';

import { createModelProblems, keyOf } from './model-problems.ts';
import { createLeave, untilDry, type Held, type ModelsParts, type ModelsState } from './open-model-leave.ts';
import type { Loaded } from './open-occupy.ts';
import type { ModelDefinition, Opened } from './repository/open-repository.ts';
import { createSeat, type Seat } from './seat.ts';

export type Models = {
  /** Brings a model to what was opened of it, undefined: to nothing. Resolves when it serves, or cannot. */
  settle(name: string, opened: Opened | undefined): Promise<void>;
  /** From now on jobs are served, also those of models that come later. This worker has told what it serves. */
  begin(): Promise<void>;
  held(): Held[];
  /** Names of the models that are served, or have a problem. */
  names(): ReadonlySet<string>;
  heard(changes: ReadonlyMap<string, BatchingChange>): void;
  report(): RepositoryLine[];
  /** Resolves when nothing of any queue is held any more. */
  ended(): Promise<unknown>;
};

const RETRY_MS = 250;
const FOREIGN_LOOK_MS = 1_000;
const SILENT_MS = 3_500;

/** Puts what was loaded in its place. */
function createTake(parts: ModelsParts, { seats }: ModelsState) {
  const { worker, queue, foreign, placed, now } = parts;

  /** Tells a seat which jobs of files that this worker does not have are others' to run. */
  function createLook(seatOf: () => Seat): (signature: string) => void {
    let lookedAt = Number.NEGATIVE_INFINITY;
    async function look(signature: string): Promise<void> {
      foreign();
      const views = await queue.workers();
      const others = views.filter(({ heartbeat, silentMs }) => heartbeat.id !== worker && silentMs < SILENT_MS);
      const seat = seatOf();
      const lines = others.flatMap(({ heartbeat }) => heartbeat.models.filter((one) => one.queue === seat.queue));
      seat.knowElsewhere(new Set(lines.flatMap((line) => [line.signature, ...(line.also ?? [])])), signature);
    }
    return (signature) => {
      if (now() - lookedAt < FOREIGN_LOOK_MS) return;
      lookedAt = now();
      void look(signature).catch(() => undefined);
    };
  }

  return function take(loaded: Loaded): Held {
    const name = loaded.served.queue;
    const known = seats.get(name);
    if (!known) {
      const seat: Seat = createSeat(
        loaded,
        createLook(() => seat),
      );
      const fresh: Held = { seat, loaded, leaving: false };
      seats.set(name, fresh);
      placed(fresh);
      return fresh;
    }
    known.loaded = loaded;
    known.leaving = false;
    const stays = known.seat.replace(loaded);
    placed(known);
    const isCurrent = (): boolean => known.loaded === loaded;
    if (stays) void untilDry(parts, name, isCurrent).then(() => (isCurrent() ? known.seat.dismissFormer() : undefined));
    return known;
  };
}

/** Loads a definition, unless it is what serves already. */
function createBring(parts: ModelsParts, state: ModelsState, startServing: (held: Held) => void) {
  const { queue, occupy, tell, log, pause } = parts;
  const { seats, loading, problems, ending } = state;
  const take = createTake(parts, state);

  /** What is registered says what is sent: until it is known everywhere the older file is asked for. */
  async function announce(held: Held): Promise<void> {
    const { loaded } = held;
    while (held.loaded === loaded && !held.leaving) {
      try {
        await queue.announce(loaded.served.model, loaded.definition.details);
        return;
      } catch {
        await pause(RETRY_MS);
      }
    }
  }

  async function stay(held: Held): Promise<void> {
    if (!held.leaving) return;
    held.leaving = false;
    await announce(held);
    await tell().catch(() => undefined);
  }
  async function load(definition: ModelDefinition, key: string): Promise<void> {
    const { name, version, config } = definition;
    for (const note of config.notes) log.info({ model: name, version }, note);
    const registered = await queue.registered(key).catch(() => undefined);
    const own = seats.get(key)?.loaded.served.model;
    const predecessors = [own, registered].filter((one) => one !== undefined);
    const loaded = await occupy(definition, predecessors);
    const isReload = own !== undefined;
    const held = take(loaded);
    startServing(held);
    if (!state.begun) return;
    // Other workers have to know whose such jobs are before the first of them comes.
    await tell().catch(() => undefined);
    await announce(held);
    log.info({ queue: key }, isReload ? 'a model has another file now' : 'a model is served');
  }

  /** @returns whether it serves */
  return async function bring(definition: ModelDefinition): Promise<boolean> {
    const { name, version, stamp } = definition;
    const key = keyOf(name, version);
    await ending.get(key);
    const held = seats.get(key);
    try {
      if (held?.loaded.definition.stamp === stamp) await stay(held);
      else {
        if (problems.failedLately(key, stamp)) return false;
        loading.set(key, definition);
        await load(definition, key);
      }
      problems.clear(key);
      return true;
    } catch (error) {
      const sentence = error instanceof Error ? error.message : 'it cannot be loaded';
      problems.set({ model: name, version, sentence, stamp }, error);
      return false;
    } finally {
      loading.delete(key);
    }
  };
}

function reportOf({ seats, loading, problems }: ModelsState): RepositoryLine[] {
  const served = Array.from(seats.values(), ({ loaded: { definition }, leaving }): RepositoryLine => {
    const { name, version } = definition;
    return { name, version, state: leaving ? 'UNLOADING' : 'READY', reason: problems.reasonOf(name, version) };
  });
  const coming = Array.from(loading.values(), ({ name, version }): RepositoryLine => ({
    name,
    version,
    state: 'LOADING',
    reason: '',
  })).filter(({ name, version }) => !seats.has(keyOf(name, version)));
  const keys = new Set([...seats.keys(), ...loading.keys()]);
  return [...served, ...coming, ...problems.lines({ keys, names: new Set(served.map(({ name }) => name)) })];
}

export function openModels(parts: ModelsParts): Models {
  const { worker, queue, serve, log, now } = parts;
  const problems = createModelProblems({
    now,
    tell(problem, error) {
      const { stamp: _, ...detail } = problem;
      log.error({ ...detail, ...(error === undefined ? {} : { err: error }) }, 'a model cannot be served');
      if (!state.begun) return;
      const key = keyOf(problem.model, problem.version);
      const rest = state.seats.has(key) ? '; the one before serves on' : '';
      const sentence = `${key} cannot be served by ${worker}: ${problem.sentence}${rest}`;
      queue.events.tell('deploy', { ...detail, sentence });
    },
  });
  const state: ModelsState = {
    seats: new Map(),
    serving: new Map(),
    loading: new Map(),
    ending: new Map(),
    problems,
    begun: false,
  };
  const { seats, serving } = state;
  function startServing(held: Held): void {
    const { seat } = held;
    if (!state.begun || serving.has(seat.queue)) return;
    const served = serve(held).finally(() => serving.delete(seat.queue));
    serving.set(seat.queue, served);
  }
  const bring = createBring(parts, state, startServing);
  const leave = createLeave(parts, state);
  let turn: Promise<void> = Promise.resolve();

  async function settle(name: string, { models, problems: told }: Opened): Promise<void> {
    const keys = [...models, ...told].map((one) => keyOf(name, one.version));
    const wanted = new Set(keys);
    problems.keepOnly(name, wanted);
    for (const problem of told) problems.set(problem);
    let isWhole = told.length === 0;
    for (const definition of models) isWhole = (await bring(definition)) && isWhole;
    // What cannot be replaced yet stays.
    if (!isWhole) return;
    for (const held of seats.values()) {
      const isGone = held.loaded.definition.name === name && !wanted.has(held.seat.queue);
      if (isGone && !held.leaving) void leave(held);
    }
  }
  return {
    async settle(name, opened) {
      const mine = turn.then(() => settle(name, opened ?? { models: [], problems: [] }));
      turn = mine.catch(() => undefined);
      await mine;
    },
    async begin() {
      for (const { loaded } of seats.values()) await queue.announce(loaded.served.model, loaded.definition.details);
      state.begun = true;
      for (const held of seats.values()) startServing(held);
    },
    held: () => [...seats.values()],
    names: () => new Set([...Array.from(seats.values(), ({ loaded }) => loaded.definition.name), ...problems.names()]),
    heard(changes) {
      for (const { seat, loaded } of seats.values()) {
        const own = loaded.served.model.batching;
        if (own) seat.batcher.set(changedBatching(own, changes.get(seat.queue)));
      }
    },
    report: () => reportOf(state),
    ended: () => Promise.all(serving.values()),
  };
}
