/** API keys in Redis, and the one bucket that each of them has in the whole cluster. */
import { randomBytes } from 'node:crypto';

import { apiKeySchema, burstOf, MOST_KEYS, type ApiKey, type Rate } from '@batchyard/shared/contract/api-key';
import { keysKey } from '@batchyard/shared/contract/redis-keys';

import { pack, runScript } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

/** `version` changes with every change of the list; '' before the first, and in a Redis that has lost it. */
export type KeyList = { readonly version: string; readonly keys: readonly ApiKey[] };
export type KeyChange = { readonly put: ApiKey } | { readonly remove: string };
/** `moved`: the list is no longer the one that was seen. */
export type KeyOutcome = 'changed' | 'moved' | 'full' | 'unknown';

export type RowsUsed = { readonly id: string; readonly rate: Rate; readonly rows: number };

export type AccessStore = {
  /** @returns undefined while the list is still of the version `seen` */
  accessKeys(seen?: string): Promise<KeyList | undefined>;
  changeKeys(seen: string, change: KeyChange): Promise<KeyOutcome>;
  /** Takes rows off the keys' buckets, of at most 256 keys. @returns what each then has */
  settleRates(used: readonly RowsUsed[]): Promise<number[]>;
};

/** What cannot be read is of another version: a key that nobody can check lets nobody in. */
function parseKey(text: string): ApiKey[] {
  try {
    const parsed = apiKeySchema.safeParse(JSON.parse(text));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}

export function createAccessStore({ commands, prefix }: QueueSettings): AccessStore {
  const key = keysKey(prefix);
  return {
    async accessKeys(seen) {
      if (seen !== undefined && ((await commands.hget(key, 'version')) ?? '') === seen) return undefined;
      const { version = '', ...kept } = await commands.hgetall(key);
      return { version, keys: Object.values(kept).flatMap(parseKey) };
    },
    async changeKeys(seen, change) {
      const [id, text] = 'put' in change ? [change.put.id, JSON.stringify(change.put)] : [change.remove, ''];
      const version = randomBytes(9).toString('base64url');
      return String(
        await runScript(commands, 'changeKeys', key, [pack([seen, version, id, text, MOST_KEYS])]),
      ) as KeyOutcome;
    },
    async settleRates(used) {
      const asked = used.flatMap(({ id, rate, rows }) => [id, rate.rows_per_second, burstOf(rate), rows]);
      const levels = await runScript(commands, 'settleRates', key, [pack([`${prefix}:x:`, asked])]);
      return (levels as number[]).map((level) => level / 1_000);
    },
  };
}
