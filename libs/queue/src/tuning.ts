/** What the rules have done, what they lay over the configured settings, and what people ask of them: one small hash. */
import { tuningKey } from '@batchyard/shared/contract/redis-keys';
import {
  cacheLimitsSchema,
  TUNING_RULES,
  tuningStateSchema,
  type CacheLimits,
  type TuningRule,
  type TuningState,
} from '@batchyard/shared/contract/tuning';

import type { QueueSettings } from './settings.ts';

/** `cleanUp`: changes whenever everything idle is to be let go; '' before the first time. */
export type TuningWishes = { readonly cache: CacheLimits | undefined; readonly cleanUp: string };

export type Tuning = {
  /** For every gateway, each second. */
  tuningWishes(): Promise<TuningWishes>;
  /** Undefined: as configured. */
  tuneCache(limits: CacheLimits | undefined): Promise<void>;
  askCleanUp(atMs: number): Promise<void>;
  /** Undefined: nothing was done yet. */
  tuningState(): Promise<TuningState | undefined>;
  keepTuningState(state: TuningState): Promise<void>;
  /** A person wants a rule to run. */
  askTuning(rule: TuningRule): Promise<void>;
  /** What was asked for since the last call. */
  takeTuningAsked(): Promise<TuningRule[]>;
};

/** What cannot be read is of another version, and counts as not there. */
function read<T>(schema: { safeParse(value: unknown): { data?: T } }, text: string | null | undefined): T | undefined {
  if (!text) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
const askField = (rule: TuningRule): string => `ask:${rule}`;

export function createTuning({ commands, prefix }: QueueSettings): Tuning {
  const key = tuningKey(prefix);
  const asks = TUNING_RULES.map(askField);
  return {
    async tuningWishes() {
      const [cache, cleanUp] = await commands.hmget(key, 'cache', 'clean_up');
      return { cache: read(cacheLimitsSchema, cache), cleanUp: cleanUp ?? '' };
    },
    async tuneCache(limits) {
      if (limits) await commands.hset(key, 'cache', JSON.stringify(limits));
      else await commands.hdel(key, 'cache');
    },
    async askCleanUp(atMs) {
      await commands.hset(key, 'clean_up', atMs);
    },
    tuningState: async () => read(tuningStateSchema, await commands.hget(key, 'state')),
    async keepTuningState(state) {
      await commands.hset(key, 'state', JSON.stringify(state));
    },
    async askTuning(rule) {
      await commands.hset(key, askField(rule), 1);
    },
    async takeTuningAsked() {
      const found = await commands.hmget(key, ...asks);
      const asked = TUNING_RULES.filter((_rule, i) => found[i]);
      if (asked.length > 0) await commands.hdel(key, ...asked.map(askField));
      return asked;
    },
  };
}
