/** What an operator may do to the jobs of a queue at once: each call is bounded, so that Redis never stands still for it. */
import { extraBase, queueBase } from '@batchyard/shared/contract/redis-keys';

import { pack, runScript } from './scripts.ts';
import { eventLevel, MAX_REPLY_BYTES, type QueueSettings } from './settings.ts';

export type Emptying = {
  /** Takes waiting and delayed jobs out; whoever waits for one is told that it was removed. @returns how many, `most` at most */
  drainJobs(queue: string, most: number): Promise<number>;
  /** Forgets ended jobs that are older than so many ms. @returns how many, `most` at most */
  cleanJobs(queue: string, set: 'completed' | 'failed', olderThanMs: number, most: number): Promise<number>;
};

/** A script call looks at no more. */
const CALL_JOBS = 500;

export function createEmptying(settings: QueueSettings): Emptying {
  const { commands, prefix } = settings;
  async function inCalls(most: number, call: (jobs: number) => Promise<unknown>): Promise<number> {
    let done = 0;
    while (done < most) {
      const asked = Math.min(CALL_JOBS, most - done);
      const ended = Number(await call(asked));
      done += ended;
      if (ended < asked) break;
    }
    return done;
  }
  return {
    drainJobs(queue, most) {
      const base = queueBase(prefix, queue);
      const header = [base, extraBase(prefix, queue), `${prefix}:x:`, eventLevel(settings.events), MAX_REPLY_BYTES];
      return inCalls(most, (jobs) => runScript(commands, 'drain', `${base}meta`, [pack([...header, jobs])]));
    },
    cleanJobs(queue, set, olderThanMs, most) {
      const base = queueBase(prefix, queue);
      const header = [base, extraBase(prefix, queue), set, Math.round(olderThanMs)];
      return inCalls(most, (jobs) => runScript(commands, 'clean', `${base}meta`, [pack([...header, jobs])]));
    },
  };
}
