/** Responses and failures as bytes on the socket. `/v2` speaks Triton's error body, `/v1` problem documents (RFC 9457). */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { FAILURES, Failure } from '@batchyard/shared/contract/failure';

import { pathOf } from './paths.ts';

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  sendBytes(response, status, Buffer.from(JSON.stringify(value)), { 'content-type': 'application/json', ...headers });
}

export const ONE_WRITE_BYTES = 8_192;

export function sendBytes(
  response: ServerResponse,
  status: number,
  body: Buffer,
  headers: Record<string, string>,
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': body.byteLength });
  if (headers['connection'] === 'close' && !response.req.complete) endAfterReading(response, body);
  // A string joins the header in one write; latin1 keeps every byte as it is.
  else if (body.byteLength <= ONE_WRITE_BYTES) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

const LINGER_MS = 1_000;

/** A socket closed with bytes unread is reset, and the reset can overtake the answer: so what still comes is read first. */
function endAfterReading(response: ServerResponse, body: Buffer): void {
  response.write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  response.req.once('end', end).once('close', end).resume();
}

/** Anything thrown, as a Failure that is safe to show. */
export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('internal', FAILURES.internal.title);
}

/** Seconds with a little jitter, so that those refused together do not come back together. */
const retryAfter = (failure: Failure, status: number): Record<string, string> =>
  status === 503 || status === 429
    ? { 'retry-after': String(Math.max(1, Math.ceil((failure.retryAfterS ?? 1) * (1 + Math.random() / 2)))) }
    : {};

/** The synchronous way tells a passed deadline as 503, as Triton does. */
const v2Status = (failure: Failure): number =>
  failure.code === 'expired' || failure.code === 'cancelled' ? 503 : failure.kind.status;

function sendV2Failure(response: ServerResponse, error: unknown): void {
  const failure = asFailure(error);
  const status = v2Status(failure);
  sendJson(response, status, { error: failure.message }, { ...retryAfter(failure, status), ...closing(failure) });
}

export function sendProblem(response: ServerResponse, error: unknown, instance: string): void {
  const failure = asFailure(error);
  const { status, title, retryable } = failure.kind;
  const body = {
    type: `urn:batchyard:failure:${failure.code}`,
    title,
    status,
    detail: failure.message,
    instance,
    code: failure.code,
    retryable,
    ...(failure.pointers.length > 0 ? { errors: failure.pointers.map((pointer) => ({ pointer })) } : {}),
  };
  const headers = { 'content-type': 'application/problem+json', ...retryAfter(failure, status), ...closing(failure) };
  sendBytes(response, status, Buffer.from(JSON.stringify(body)), headers);
}

/** In the form of the part of the interface that was asked, also where Express has handed it on under another path. */
export function sendFailure(response: ServerResponse, error: unknown): void {
  const { url = '', originalUrl = url } = response.req as IncomingMessage & { originalUrl?: string };
  const path = pathOf(originalUrl);
  if (path.startsWith('/v1/')) sendProblem(response, error, path);
  else sendV2Failure(response, error);
}

/** What could not be read to its end leaves the connection in doubt. */
const closing = (failure: Failure): Record<string, string> =>
  failure.code === 'too_large' || failure.code === 'draining' ? { connection: 'close' } : {};
