/** Waiting for work, and a worker's sign of life. */
import { directiveSchema, type Directive } from '@batchyard/shared/contract/directive';
import { queueName, type Model } from '@batchyard/shared/contract/model';
import { queueBase, queuesKey, workersKey } from '@batchyard/shared/contract/redis-keys';
import type { Redis } from '@batchyard/shared/runtime/redis';

import { pack, runScript } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

const WORKER_TTL_MS = 60_000;

export type CheckIn = { readonly nowMs: number; readonly dead: boolean; readonly directive: Directive | undefined };

export type Waking = {
  /**
   * Blocks on BullMQ's markers of the queues, at most maxMs; the marker is consumed, so a take must follow.
   * @returns the queue that was woken, or undefined: then a take of each is due anyway
   */
  waitForWork(queues: readonly string[], maxMs: number): Promise<string | undefined>;
  /** Tells the registry of a model; repeated with each check-in, so that a lost registry heals. */
  announce(model: Model): Promise<void>;
  checkIn(worker: string, token: string, heartbeatJson: string): Promise<CheckIn>;
};

function parseDirective(text: string): Directive | undefined {
  if (text === '') return undefined;
  const parsed = directiveSchema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

export function createWaking({ commands, prefix }: QueueSettings, blocking: Redis): Waking {
  const announced = new Map<string, string>();
  return {
    async waitForWork(queues, maxMs) {
      const keys = queues.map((queue) => `${queueBase(prefix, queue)}marker`);
      const popped = await blocking.bzpopmin(...(keys as [string]), Math.max(0.01, maxMs / 1000));
      return popped ? queues[keys.indexOf(popped[0])] : undefined;
    },
    async announce(model) {
      const queue = queueName(model.name, model.version);
      announced.set(queue, JSON.stringify(model));
      await commands.hset(queuesKey(prefix), queue, JSON.stringify(model));
    },
    async checkIn(worker, token, heartbeatJson) {
      const header = pack([`${prefix}:x:`, worker, token, heartbeatJson, WORKER_TTL_MS, [...announced].flat()]);
      const [nowMs, text] = (await runScript(commands, 'checkIn', workersKey(prefix), [header])) as [number, Buffer];
      const dead = text.toString() === 'dead';
      return { nowMs, dead, directive: dead ? undefined : parseDirective(text.toString()) };
    },
  };
}
