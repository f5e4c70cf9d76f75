/**
 * Which key a request carries, and what that key may do. The list is replaced as a whole when it changes; a header that was
 * looked up once is remembered until then, so a request costs a look into a map. Secrets are compared by their SHA-256, in
 * constant time, and a wrong one takes the same way as a right one.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

import { KEY_TEXT, keyIdOf, type ApiKey, type Rate } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';

import type { Meter } from '../admission/row-bucket.ts';
import type { Caller } from './caller.ts';

type MeterOf = (id: string, rate: Rate) => Meter;

/** The lines that a key may come in; rawHeaders tells of those that were dropped. */
export type Presented = {
  readonly headers: {
    readonly authorization?: string | undefined;
    readonly 'x-api-key'?: string | string[] | undefined;
  };
  readonly rawHeaders?: readonly string[];
};

export type Keyring = {
  /** Whether there are any. */
  hasKeys(): boolean;
  replace(keys: readonly ApiKey[]): void;
  /** Of its `Authorization: Bearer` or `X-API-Key`. @returns why nobody is recognised, otherwise */
  recognise(presented: Presented): Caller | Failure;
  /** By the text of a key. @returns undefined for a wrong one */
  find(text: string): Caller | undefined;
};

type Held = { readonly digest: Buffer; readonly caller: Caller };

const MOST_REMEMBERED = 1_024;
const NOBODY = Buffer.alloc(32);

const missing = (): Failure =>
  new Failure('unauthorized', 'this needs an API key: Authorization: Bearer byk_… or X-API-Key');
const unknown = (): Failure => new Failure('unauthorized', 'the API key is not known');
const ambiguous = (): Failure => new Failure('bad_request', 'more than one Authorization header, or another X-API-Key');

/** node:http gives the first and drops the others; which of them a proxy has looked at nobody knows. */
function isRepeated({ rawHeaders = [] }: Presented): boolean {
  let seen = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 13 && name.toLowerCase() === 'authorization') seen += 1;
  }
  return seen > 1;
}

export const bearerOf = (authorization: string): string | undefined =>
  /^Bearer {1,4}(\S+) {0,4}$/i.exec(authorization)?.[1];

function callerFor(key: ApiKey, meterOf: MeterOf): Caller {
  const { id, name, tenant, scopes, classes, rate } = key;
  return {
    tenant,
    key: id,
    name,
    scopes: new Set(scopes),
    ...(classes === undefined ? {} : { classes: new Set(classes) }),
    ...(rate === undefined ? {} : { meter: meterOf(id, rate) }),
  };
}

export function createKeyring(meterOf: MeterOf): Keyring {
  let held = new Map<string, Held>();
  /** What was sent, by the header that it came in: each has a form of its own. */
  const bearers = new Map<string, Caller>();
  const bare = new Map<string, Caller>();

  function find(text: string): Caller | undefined {
    const digest = createHash('sha256').update(text).digest();
    const found = held.get(keyIdOf(digest.toString('hex')));
    const same = timingSafeEqual(digest, found?.digest ?? NOBODY);
    return same && KEY_TEXT.test(text) ? found?.caller : undefined;
  }
  function lookUp(
    remembered: Map<string, Caller>,
    header: string,
    textOf: (header: string) => string | undefined,
  ): Caller | Failure {
    const known = remembered.get(header);
    if (known !== undefined) return known;
    const text = textOf(header);
    const found = text === undefined ? undefined : find(text);
    if (found === undefined) return unknown();
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(header, found);
    return found;
  }

  return {
    find,
    hasKeys: () => held.size > 0,
    replace(keys) {
      held = new Map(
        keys.map((key) => [key.id, { digest: Buffer.from(key.sha256, 'hex'), caller: callerFor(key, meterOf) }]),
      );
      bearers.clear();
      bare.clear();
    },
    recognise(presented) {
      const { authorization, 'x-api-key': named } = presented.headers;
      if (authorization === undefined && named === undefined) return missing();
      if (authorization === undefined) return lookUp(bare, String(named), (text) => text);
      if (isRepeated(presented)) return ambiguous();
      if (named !== undefined && named !== bearerOf(authorization)) return ambiguous();
      return lookUp(bearers, authorization, bearerOf);
    },
  };
}
