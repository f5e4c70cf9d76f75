/** What the headers of a submit ask for besides class and timeout: a key that makes it safe to send again, and a preference. */
import { createHash } from 'node:crypto';

import { Failure } from '@batchyard/shared/contract/failure';

import { LONGEST_WAIT_MS } from './request-options.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const KEY = /^[ -~]{1,255}$/;
const HASH_CHARACTERS = 32;

const asText = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

/** `Idempotency-Key`: 1 to 255 printable characters; quotes around it, as a structured header has them, do not count. */
export function idempotencyKey(headers: Headers): string | undefined {
  const text = asText(headers['idempotency-key']);
  if (text === undefined) return undefined;
  const key = text.replace(/^"(.*)"$/, '$1');
  if (!KEY.test(key)) throw new Failure('bad_request', 'Idempotency-Key must have 1 to 255 printable characters');
  return key;
}

/** What a key is kept under: tenants share none, and what they sent stands nowhere. */
export const claimOf = (tenant: string, key: string): string =>
  createHash('sha256').update(`${tenant}\n${key}`).digest('base64url').slice(0, HASH_CHARACTERS);

export type Preference = { readonly respondAsync: boolean; readonly waitMs: number };
const NO_PREFERENCE: Preference = { respondAsync: false, waitMs: 0 };

/** `Prefer: respond-async, wait=10` (RFC 7240); what is not known of it is left aside, as a preference may be. */
export function preferenceOf(headers: Headers): Preference {
  const text = asText(headers['prefer']);
  if (text === undefined) return NO_PREFERENCE;
  const wait = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i.exec(text)?.[1];
  return {
    respondAsync: /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i.test(text),
    waitMs: Math.min(LONGEST_WAIT_MS, Number(wait ?? 0) * 1_000),
  };
}

export type Tags = Readonly<Record<string, string>>;

const TAG = /^([A-Za-z0-9_.-]{1,64})=([A-Za-z0-9_.:/+@-]{0,128})$/;
const MOST_TAGS = 16;

/** As a job keeps them; what is no tag is not among them. */
export function readTags(text: string | undefined): Tags {
  const pairs = (text ?? '').split(',').flatMap((one) => {
    const [, name, value] = TAG.exec(one) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(pairs);
}

/** `Batchyard-Tags: a=b,c=d`: 16 at most, each name once. @returns them as a job keeps them */
export function tagsHeader(headers: Headers): string | undefined {
  const text = asText(headers['batchyard-tags']);
  if (text === undefined || text.trim() === '') return undefined;
  const tags = text.split(',').map((tag) => tag.trim());
  const names = new Set(tags.map((tag) => TAG.exec(tag)?.[1]));
  if (tags.length > MOST_TAGS || names.has(undefined) || names.size < tags.length)
    throw new Failure(
      'bad_request',
      `Batchyard-Tags are up to ${MOST_TAGS} of the form name=value, separated by commas: letters, digits and _.- in names, and also :/+@ in values`,
    );
  return tags.join(',');
}
