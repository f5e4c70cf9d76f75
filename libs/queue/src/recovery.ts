/** What brings jobs back, and what time brings about. Safe to call from every process, as often as one likes. */
import { workerOfConnection } from '@batchyard/shared/contract/heartbeat';
import { modelOfQueue } from '@batchyard/shared/contract/model';
import { extraBase, queueBase, queuesKey, workersKey } from '@batchyard/shared/contract/redis-keys';
import { mastersOf } from '@batchyard/shared/runtime/cluster';

import { pack, runScript } from './scripts.ts';
import {
  DEFAULT_MAX_RESULT_BYTES,
  DEFAULT_RESULT_TTL_MS,
  eventLevel,
  MAX_REPLY_BYTES,
  type QueueSettings,
} from './settings.ts';

export type Recovery = {
  /** Names of all queues that a worker has announced. */
  queues(): Promise<string[]>;
  /** Marks the incarnation dead and brings back what it held, in every queue; @returns how many jobs. */
  releaseWorker(token: string): Promise<number>;
  /** The same for one queue. */
  releaseIn(queue: string, token: string): Promise<number>;
  /** The verdict on a worker silent for `silenceMs`; @returns its dead token, which is to be released. */
  claimDead(worker: string, silenceMs: number): Promise<string | undefined>;
  /** Workers that have a connection to Redis; undefined where CLIENT LIST is not permitted. */
  connectedWorkers(): Promise<ReadonlySet<string> | undefined>;
  /** Brings back active jobs of one queue whose lock has lapsed; @returns how many. */
  recoverLapsed(queue: string): Promise<number>;
  sweep(queue: string): Promise<{ expired: number; dropped: number }>;
};

const SWEEP_AT_MOST = 500;

export function createRecovery(settings: QueueSettings): Recovery {
  const { commands, prefix } = settings;
  const shard = `${prefix}:x:`;
  const events = eventLevel(settings.events);
  const queues = async (): Promise<string[]> => {
    const names = await commands.hkeys(queuesKey(prefix));
    return names.filter((name) => modelOfQueue(name).model !== '');
  };
  async function releaseIn(queue: string, token: string): Promise<number> {
    const base = queueBase(prefix, queue);
    const header = pack([base, extraBase(prefix, queue), shard, token, events, MAX_REPLY_BYTES]);
    return (await runScript(commands, 'releaseWorker', `${base}meta`, [header])) as number;
  }
  return {
    queues,
    releaseIn,
    async releaseWorker(token) {
      let released = 0;
      for (const queue of await queues()) released += await releaseIn(queue, token);
      return released;
    },
    async claimDead(worker, silenceMs) {
      const token = String(
        await runScript(commands, 'claimDead', workersKey(prefix), [pack([shard, worker, silenceMs])]),
      );
      return token === '' ? undefined : token;
    },
    async connectedWorkers() {
      try {
        const lists = await Promise.all(mastersOf(commands).map((node) => node.client('LIST')));
        const list = lists.map(String).join('\n');
        const names = Array.from(list.matchAll(/ name=([^ ]+) /g), ([, name = '']) => workerOfConnection(name));
        return new Set(names.filter((name) => name !== undefined));
      } catch (error) {
        // An answer of Redis, as opposed to none.
        if (error instanceof Error && error.name === 'ReplyError') return undefined;
        throw error;
      }
    },
    async recoverLapsed(queue) {
      const base = queueBase(prefix, queue);
      const header = pack([base, extraBase(prefix, queue), shard, events, MAX_REPLY_BYTES]);
      return (await runScript(commands, 'recoverLapsed', `${base}meta`, [header])) as number;
    },
    async sweep(queue) {
      const base = queueBase(prefix, queue);
      const kept = [settings.resultTtlMs ?? DEFAULT_RESULT_TTL_MS, settings.maxResultBytes ?? DEFAULT_MAX_RESULT_BYTES];
      const header = pack([base, extraBase(prefix, queue), shard, ...kept, events, MAX_REPLY_BYTES, SWEEP_AT_MOST]);
      const [expired = 0, dropped = 0] = (await runScript(commands, 'sweep', `${base}meta`, [header])) as number[];
      return { expired, dropped };
    },
  };
}
