/** What a Redis says of itself, and whether Batchyard can work with it. */
import { durabilityProblem, shownUrl, type Durability, type Persistence } from '@batchyard/shared/contract/durability';

import { StopSentence } from '../stop-sentence.ts';
import { askAny } from './connect-briefly.ts';

export type RedisFacts = Persistence & {
  readonly version: string;
  readonly maxmemory: number;
};

const OLDEST: readonly [number, number] = [6, 2];

export const oldEnough = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
};

/** @throws StopSentence with what to type next */
export function judge(facts: RedisFacts, durability: Durability, shown: string): void {
  if (!oldEnough(facts.version)) {
    throw new StopSentence(
      `the Redis at ${shown} is version ${facts.version}; 6.2 or later is needed`,
      'env -u REDIS_URL npm start',
    );
  }
  const problem = durabilityProblem(facts, durability, shown);
  if (problem) throw new StopSentence(problem.sentence, problem.next);
}

/** @throws StopSentence when it cannot be reached */
export async function askRedis(url: string): Promise<RedisFacts> {
  try {
    const info = await askAny(url, async (redis) => redis.info());
    const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
    return {
      version: field('redis_version') || '0',
      policy: field('maxmemory_policy') || 'noeviction',
      appendOnly: field('aof_enabled') === '1',
      maxmemory: Number(field('maxmemory')),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StopSentence(`no Redis answers at ${shownUrl(url)} (${reason})`, `redis-cli -u ${shownUrl(url)} ping`);
  }
}

const ROUND_TRIPS = 50;

/** Of so many round trips one after the other the median, ms. */
export const timeRedis = async (url: string): Promise<number> =>
  askAny(url, async (redis) => {
    const times: number[] = [];
    for (let turn = 0; turn < ROUND_TRIPS; turn += 1) {
      const since = performance.now();
      await redis.ping();
      times.push(performance.now() - since);
    }
    return times.toSorted((a, b) => a - b)[ROUND_TRIPS / 2] ?? 0;
  });
