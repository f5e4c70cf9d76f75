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

export const newRequestId = (): string => randomBytes(9).toString('base64url');
