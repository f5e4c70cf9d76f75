/** Waiting for work, and a worker's sign of life. */
import { createHash } from 'node:crypto';

import type { BatchingChange } from '@batchyard/shared/contract/batching';
import { directiveSchema, type Directive } from '@batchyard/shared/contract/directive';
import { queueName, type Model } from '@batchyard/shared/contract/model';
import type { ModelDetails } from '@batchyard/shared/contract/model-details';
import { detailsKey, queueBase, queuesKey, workerKey, workersKey } from '@batchyard/shared/contract/redis-keys';
import type { Blocking } from '@batchyard/shared/runtime/cluster';

import { parseChange } from './batching.ts';
import { pack, runScript } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

const WORKER_TTL_MS = 60_000;
/** Details go out again with every so many check-ins. */
const DETAILS_EVERY = 30;

export type CheckIn = {
  readonly nowMs: number;
  readonly dead: boolean;
  readonly directive: Directive | undefined;
  /** What was changed of the batching of the announced models, by queue. */
  readonly batching: ReadonlyMap<string, BatchingChange>;
  /** Changes whenever everything idle is to be let go. */
  readonly cleanUp: string;
};

export type Waking = {
  /**
   * Blocks on BullMQ's markers of the queues, at most maxMs; the marker is consumed, so a take must follow.
   * @returns the queue that was woken, or undefined: then a take of each is due anyway
   */
  waitForWork(queues: readonly string[], maxMs: number): Promise<string | undefined>;
  /** Puts a marker back: somebody else is to be woken. */
  handOn(queue: string): Promise<void>;
  /** Tells the registry of a model; with each check-in again where it is missing, so that a lost registry heals. */
  announce(model: Model, details?: ModelDetails): Promise<void>;
  /** The registry keeps it, because jobs and results of it may be left, as one that is no longer offered. */
  withdraw(model: Model): Promise<void>;
  checkIn(worker: string, token: string, heartbeatJson: string): Promise<CheckIn>;
  /** The sign of life in this shard where the check-in goes to another one; false when this incarnation is dead. */
  beat(worker: string, token: string): Promise<boolean>;
};

function parseDirective(text: string): Directive | undefined {
  if (text === '') return undefined;
  const parsed = directiveSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

/** @param flat queue, JSON, queue, JSON, … */
function changesOf(flat: readonly Buffer[]): Map<string, BatchingChange> {
  const found = new Map<string, BatchingChange>();
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const change = parseChange(String(flat[i + 1]));
    if (change) found.set(String(flat[i]), change);
  }
  return found;
}

export function createWaking({ commands, prefix }: QueueSettings, blocking: Blocking): Waking {
  const announced = new Map<string, string>();
  const described = new Map<string, string>();
  let checkIns = 0;
  return {
    async waitForWork(queues, maxMs) {
      const keys = queues.map((queue) => `${queueBase(prefix, queue)}marker`);
      const popped = await blocking.bzpopmin(...(keys as [string]), Math.max(0.01, maxMs / 1000));
      return popped ? queues[keys.indexOf(popped[0])] : undefined;
    },
    async handOn(queue) {
      await commands.zadd(`${queueBase(prefix, queue)}marker`, 0, '0');
    },
    async announce(model, details) {
      const queue = queueName(model.name, model.version);
      const text = details && JSON.stringify(details);
      if (text !== undefined) {
        described.set(queue, text);
        await commands.hset(detailsKey(prefix), queue, text);
      }
      const mark = text === undefined ? {} : { details: createHash('sha256').update(text).digest('hex').slice(0, 16) };
      announced.set(queue, JSON.stringify({ ...model, ...mark }));
      await commands.hset(queuesKey(prefix), queue, JSON.stringify({ ...model, ...mark }));
    },
    async withdraw(model) {
      const queue = queueName(model.name, model.version);
      const told = { ...model, ...(JSON.parse(announced.get(queue) ?? '{}') as Partial<Model>) };
      announced.delete(queue);
      described.delete(queue);
      await commands.hset(queuesKey(prefix), queue, JSON.stringify({ ...told, withdrawn: true } satisfies Model));
    },
    async beat(worker, token) {
      const header = pack([`${prefix}:x:`, token, WORKER_TTL_MS]);
      return (await runScript(commands, 'beat', workerKey(prefix, worker), [header])) === 1;
    },
    async checkIn(worker, token, heartbeatJson) {
      checkIns += 1;
      // Where they are missing: what stands there may be of a worker that has a newer file.
      if (checkIns % DETAILS_EVERY === 0)
        for (const [queue, text] of described) await commands.hsetnx(detailsKey(prefix), queue, text);
      const header = pack([`${prefix}:x:`, worker, token, heartbeatJson, WORKER_TTL_MS, [...announced].flat()]);
      const [nowMs, text, changes = [], cleanUp] = (await runScript(commands, 'checkIn', workersKey(prefix), [
        header,
      ])) as [number, Buffer, Buffer[]?, Buffer?];
      const dead = text.toString() === 'dead';
      return {
        nowMs,
        dead,
        directive: dead ? undefined : parseDirective(text.toString()),
        batching: changesOf(changes),
        cleanUp: String(cleanUp ?? ''),
      };
    },
  };
}
