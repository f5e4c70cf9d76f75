/**
 * The API keys that there are: those in Redis, read again each second where their version has changed, and those of
 * BATCHYARD_API_KEYS_FILE, read again when the file has. While Redis is away, or has lost its keys without anybody having
 * revoked them, the last list stands: what was closed does not open by itself.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

import type { KeyList } from '@batchyard/queue/access';
import {
  apiKeySchema,
  KEY_TEXT,
  keyIdOf,
  keyTermsSchema,
  MOST_KEYS,
  type ApiKey,
} from '@batchyard/shared/contract/api-key';
import { z } from 'zod';

type Parts = {
  readonly accessKeys: (seen?: string) => Promise<KeyList | undefined>;
  readonly file: string | undefined;
  /** Told of the whole list when it has changed. */
  readonly changed: (keys: readonly ApiKey[]) => void;
  readonly report: (sentence: string) => void;
};

export type WatchedKeys = {
  /** @throws Error with a sentence a person can act on, where the file cannot be read the first time */
  start(): Promise<void>;
  /** Once a second. */
  refresh(): Promise<void>;
  stored(): KeyList;
  ofFile(): readonly ApiKey[];
};

const fileKeySchema = keyTermsSchema
  .extend({ key: z.string().regex(KEY_TEXT).optional(), sha256: apiKeySchema.shape.sha256.optional() })
  .refine(({ key, sha256 }) => (key === undefined) !== (sha256 === undefined));
const fileSchema = z.strictObject({ keys: z.array(fileKeySchema).max(MOST_KEYS) });

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** @throws Error that says what is wrong with it, and nothing of what is in it */
export function parseKeyFile(text: string, createdAt: string): ApiKey[] {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
  const parsed = fileSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`/${issue?.path.join('/')} is no key: name, scopes and either key (byk_…) or sha256 are needed`);
  }
  return parsed.data.keys.map(({ key = '', sha256 = hashOf(key), ...terms }) => ({
    ...terms,
    id: keyIdOf(sha256),
    sha256,
    created_at: createdAt,
  }));
}

/** A file that is read again when its time or size has changed; a secret that is mounted anew has both. */
function createKeyFile(path: string) {
  let seen = '';
  /** @returns its keys where it has changed */
  return async (): Promise<ApiKey[] | undefined> => {
    const { mtimeMs, size, ino } = await stat(path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    if (stamp === seen) return undefined;
    const keys = parseKeyFile(await readFile(path, 'utf8'), new Date(mtimeMs).toISOString());
    seen = stamp;
    return keys;
  };
}

export function createWatchedKeys({ accessKeys, file, changed, report }: Parts): WatchedKeys {
  const readFileKeys = file === undefined ? undefined : createKeyFile(file);
  let stored: KeyList = { version: '', keys: [] };
  let own: readonly ApiKey[] = [];
  let wrong = '';

  const tell = (): void => changed([...own, ...stored.keys]);
  async function fromFile(): Promise<boolean> {
    const keys = await readFileKeys?.();
    if (keys) own = keys;
    return keys !== undefined;
  }
  /** What is wrong with it is told once for as long as it is so. */
  async function fromFileAgain(): Promise<boolean> {
    try {
      const changes = await fromFile();
      wrong = '';
      return changes;
    } catch (error) {
      const { message } = error as Error;
      if (message !== wrong) report(`BATCHYARD_API_KEYS_FILE cannot be used, its last keys stand: ${message}`);
      wrong = message;
      return false;
    }
  }
  async function fromRedis(): Promise<boolean> {
    const found = await accessKeys(stored.version);
    if (found === undefined) return false;
    if (found.version === '' && stored.keys.length > 0) {
      report('Redis has lost the API keys; this gateway goes on with those it knows until one is made anew');
      stored = { ...stored, version: '' };
      return false;
    }
    stored = found;
    return true;
  }

  return {
    async start() {
      try {
        await fromFile();
      } catch (error) {
        throw new Error(`BATCHYARD_API_KEYS_FILE cannot be used: ${(error as Error).message}`, { cause: error });
      }
      stored = (await accessKeys()) ?? stored;
      tell();
    },
    async refresh() {
      const read = await fromFileAgain();
      // Told although Redis is away.
      if (read) tell();
      if (await fromRedis()) tell();
    },
    stored: () => stored,
    ofFile: () => own,
  };
}
