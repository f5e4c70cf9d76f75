/** Responses and failures as bytes on the socket. `/v2` speaks Triton's error body, `/v1` problem documents (RFC 9457). */
import type { ServerResponse } from 'node:http';

import { FAILURES, Failure } from '@batchyard/shared/contract/failure';

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  sendBytes(response, status, Buffer.from(JSON.stringify(value)), { 'content-type': 'application/json', ...headers });
}

const ONE_WRITE_BYTES = 8_192;

export function sendBytes(
  response: ServerResponse,
  status: number,
  body: Buffer,
  headers: Record<string, string>,
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': body.byteLength });
  // A string joins the header in one write; latin1 keeps every byte as it is.
  if (body.byteLength <= ONE_WRITE_BYTES) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

/** Anything thrown, as a Failure that is safe to show. */
export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('internal', FAILURES.internal.title);
}

/** Seconds with a little jitter, so that those refused together do not come back together. */
const retryAfter = (failure: Failure): Record<string, string> =>
  failure.kind.status === 503 || failure.kind.status === 429
    ? { 'retry-after': String(Math.max(1, Math.ceil((failure.retryAfterS ?? 1) * (1 + Math.random() / 2)))) }
    : {};

/** The synchronous way tells a passed deadline as 503, as Triton does. */
const v2Status = (failure: Failure): number =>
  failure.code === 'expired' || failure.code === 'cancelled' ? 503 : failure.kind.status;

export function sendV2Failure(response: ServerResponse, error: unknown): void {
  const failure = asFailure(error);
  sendJson(response, v2Status(failure), { error: failure.message }, { ...retryAfter(failure), ...closing(failure) });
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
  const headers = { 'content-type': 'application/problem+json', ...retryAfter(failure), ...closing(failure) };
  sendBytes(response, status, Buffer.from(JSON.stringify(body)), headers);
}

/** What could not be read to its end leaves the connection in doubt. */
const closing = (failure: Failure): Record<string, string> =>
  failure.code === 'too_large' || failure.code === 'draining' ? { connection: 'close' } : {};
