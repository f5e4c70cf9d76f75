/** `X-Request-Id`: the caller's is sent back and logged; a request that fails without one gets one. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const REQUEST_ID = 'x-request-id';

/** Printable ASCII without spaces: safe in a header and in a log line. */
const SAFE = /^[\x21-\x7e]{1,128}$/;

export function givenRequestId({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const given = headers[REQUEST_ID];
  return typeof given === 'string' && SAFE.test(given) ? given : undefined;
}

/** Random bytes cost the same by the thousand as by the few, and under overload every refusal has an id. */
const BYTES = 9;
let pool = Buffer.alloc(0);
let used = 0;

export function newRequestId(): string {
  if (used + BYTES > pool.byteLength) {
    pool = randomBytes(BYTES * 512);
    used = 0;
  }
  used += BYTES;
  return pool.toString('base64url', used - BYTES, used);
}
