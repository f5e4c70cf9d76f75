/**
 * Part of the wiring: who says which models this worker serves. `none`: what the repository holds at the start. `poll`: what
 * it holds. `explicit`: what BATCHYARD_LOAD_MODELS names, and what was wished since, by whoever was asked anywhere in the
 * cluster.
 */
import type { QueueOperations } from '@batchyard/queue/queue';
import { MODEL_NAME } from '@batchyard/shared/contract/model';
import {
  MOST_LINES,
  MOST_OBEYED,
  type ModelWish,
  type RepositoryLine,
  type RepositoryReport,
} from '@batchyard/shared/contract/repository';
import type { Logger } from '@batchyard/shared/runtime/log';

import type { Config } from './config.ts';
import type { Models } from './open-models.ts';
import type { ModelReader } from './repository/read-models.ts';

type Parts = {
  readonly worker: string;
  readonly config: Pick<Config, 'BATCHYARD_MODEL_CONTROL' | 'BATCHYARD_MODEL_POLL' | 'BATCHYARD_LOAD_MODELS'>;
  readonly reader: ModelReader;
  readonly models: Pick<Models, 'settle' | 'names' | 'report'>;
  readonly queue: Pick<QueueOperations, 'lastWish' | 'modelWishes' | 'reportRepository'>;
  readonly log: Logger;
  readonly now: () => number;
};

export type ModelControl = {
  /** Resolves when everything that is to serve at the start does, or cannot. */
  start(): Promise<void>;
  /** Goes on until `stop`. */
  follow(): void;
  /** The repository may have changed. */
  lookSoon(): void;
  /** Tells of the repository, if there is something new, or it was long ago. */
  report(): Promise<void>;
  stop(): void;
};

const WISH_LOOK_MS = 250;
const REPORT_MS = 20_000;

/** Everything that the repository holds. */
function createPolling({ reader, models, log }: Parts) {
  let unread = '';
  return async function poll(): Promise<void> {
    let names: readonly string[];
    try {
      names = await reader.names();
      unread = '';
    } catch (error) {
      // All models would seem to be gone.
      const sentence = error instanceof Error ? error.message : String(error);
      if (sentence !== unread) log.error({ err: error }, 'the model repository cannot be read: what serves goes on');
      unread = sentence;
      return;
    }
    for (const name of names) await models.settle(name, await reader.open(name));
    for (const name of models.names()) if (!names.includes(name)) await models.settle(name, undefined);
  };
}

/** What was asked for. */
function createObeying({ config, reader, models, queue }: Parts) {
  /** With the configuration that was given, if any. */
  const wanted = new Map<string, string | undefined>();
  const followed = new Map<string, string>();
  let obeyed: string[] = [];
  let last = '';

  /** Folders that hold a model, or what is meant to be one. */
  async function modelNames(): Promise<string[]> {
    const names = (await reader.names()).filter((name) => MODEL_NAME.test(name));
    const opened = await Promise.all(names.map((name) => reader.isModel(name)));
    return names.filter((_name, i) => opened[i]);
  }
  async function load(name: string, configuration: string | undefined): Promise<void> {
    wanted.set(name, configuration);
    const opened = await reader.open(name, configuration);
    const isThere = opened.models.length + opened.problems.length > 0;
    const missing = { models: [], problems: [{ model: name, sentence: 'failed to poll from model repository' }] };
    await models.settle(name, isThere ? opened : missing);
  }
  async function obey(name: string, wish: ModelWish): Promise<void> {
    if (wish.load) await load(name, wish.config);
    else {
      wanted.delete(name);
      await models.settle(name, undefined);
    }
  }
  async function turn(): Promise<void> {
    const latest = await queue.lastWish();
    if (latest === last) return;
    const wishes = await queue.modelWishes();
    for (const [name, wish] of wishes) {
      if (followed.get(name) === wish.id) continue;
      await obey(name, wish);
      followed.set(name, wish.id);
      obeyed = [...obeyed, wish.id].slice(-MOST_OBEYED);
    }
    last = latest;
  }
  return {
    turn,
    obeyed: () => obeyed,
    async start(): Promise<void> {
      const listed = config.BATCHYARD_LOAD_MODELS.split(',').map((name) => name.trim());
      const all = listed.includes('*') ? await modelNames() : [];
      const named = new Set([...all, ...listed.filter((name) => name !== '' && name !== '*')]);
      const wishes = await queue.modelWishes();
      for (const name of named) if (wishes.get(name) === undefined) await load(name, undefined);
      await turn();
    },
    /** What the repository holds and is not wanted. */
    async others(): Promise<RepositoryLine[]> {
      const names = await modelNames().catch(() => []);
      return names
        .filter((name) => !wanted.has(name) && !models.names().has(name))
        .map((name) => ({ name, state: 'UNAVAILABLE', reason: 'unloaded' }));
    },
  };
}

export function openModelControl(parts: Parts): ModelControl {
  const { worker, config, models, queue, now, log } = parts;
  const control = config.BATCHYARD_MODEL_CONTROL;
  const poll = createPolling(parts);
  const obeying = createObeying(parts);
  const step = control === 'explicit' ? obeying.turn : poll;
  const everyMs = control === 'explicit' ? WISH_LOOK_MS : config.BATCHYARD_MODEL_POLL * 1_000;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let busy = false;
  let again = false;
  let told = '';
  let toldAt = Number.NEGATIVE_INFINITY;

  async function report(): Promise<void> {
    const others = control === 'explicit' ? await obeying.others() : [];
    const lines = [...models.report(), ...others].slice(0, MOST_LINES);
    const said: RepositoryReport = { control, obeyed: obeying.obeyed().slice(), models: lines };
    const text = JSON.stringify(said);
    if (text === told && now() - toldAt < REPORT_MS) return;
    await queue.reportRepository(worker, said);
    told = text;
    toldAt = now();
  }
  async function turn(): Promise<void> {
    if (busy) {
      again = true;
      return;
    }
    clearTimeout(timer);
    busy = true;
    try {
      await step();
      await report();
    } catch (error) {
      log.debug({ err: error }, 'the models could not be looked after');
    }
    busy = false;
    if (stopped) return;
    timer = setTimeout(() => void turn(), again ? 0 : everyMs);
    again = false;
  }
  return {
    start: control === 'explicit' ? obeying.start : poll,
    follow() {
      if (control !== 'none') timer = setTimeout(() => void turn(), everyMs);
    },
    lookSoon() {
      if (control === 'poll') void turn();
    },
    report,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
