/**
 * Job ids: 7 characters that lead to the queue, a dash, 20 random ones; for a job of a tenant a dash and 4 more, which say
 * whose it is, so that also an id of which nothing else is left is nothing to others.
 */
import { createHash, randomBytes } from 'node:crypto';

import { NO_TENANT } from '@batchyard/shared/contract/api-key';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

function base32(bytes: Uint8Array, from: number, length: number): string {
  let text = '';
  for (let i = from; i < from + length; i += 1) text += ALPHABET[(bytes[i] ?? 0) & 31];
  return text;
}

const prefixes = new Map<string, string>();

/** The first part of the ids of a queue. */
export function idPrefix(queue: string): string {
  let prefix = prefixes.get(queue);
  if (prefix === undefined) {
    prefix = base32(createHash('sha256').update(queue).digest(), 0, 7);
    prefixes.set(queue, prefix);
  }
  return prefix;
}

let pool = Buffer.alloc(0);
let used = 0;

const tagOf = (id: string, tenant: string): string =>
  base32(createHash('sha256').update(`${id}:${tenant}`).digest(), 0, 4);

/** 100 random bits, from a pool that is filled now and then. */
export function newJobId(queue: string, tenant: string): string {
  if (used + 20 > pool.byteLength) {
    pool = randomBytes(20 * 512);
    used = 0;
  }
  used += 20;
  const id = `${idPrefix(queue)}-${base32(pool, used - 20, 20)}`;
  return tenant === NO_TENANT ? id : `${id}-${tagOf(id, tenant)}`;
}

/** Whether a job of this tenant may have such an id. What other tools have put into a queue is nobody's. */
export function mayBeOf(id: string, tenant: string): boolean {
  const found = /^([a-z2-7]{7}-[a-z2-7]{20})-([a-z2-7]{4})$/.exec(id);
  if (!found) return tenant === NO_TENANT;
  return tenant !== NO_TENANT && tagOf(found[1] as string, tenant) === found[2];
}
