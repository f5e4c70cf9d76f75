/** Job ids: 7 characters that lead to the queue, a dash, 20 random ones. */
import { createHash, randomBytes } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

const base32 = (bytes: Uint8Array, length: number): string =>
  Array.from({ length }, (_, i) => ALPHABET[(bytes[i] ?? 0) & 31]).join('');

const prefixes = new Map<string, string>();

/** The first part of the ids of a queue. */
export function idPrefix(queue: string): string {
  let prefix = prefixes.get(queue);
  if (prefix === undefined) {
    prefix = base32(createHash('sha256').update(queue).digest(), 7);
    prefixes.set(queue, prefix);
  }
  return prefix;
}

let pool = Buffer.alloc(0);
let used = 0;

/** 100 random bits, from a pool that is filled now and then. */
export function newJobId(queue: string): string {
  if (used + 20 > pool.byteLength) {
    pool = randomBytes(20 * 512);
    used = 0;
  }
  used += 20;
  return `${idPrefix(queue)}-${base32(pool.subarray(used - 20, used), 20)}`;
}
