/** Responses and failures as bytes on the socket. `/v2` speaks Triton's error body, `/v1` problem documents (RFC 9457). */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { FAILURES, Failure } from '@batchyard/shared/contract/failure';

import { pathOf } from './paths.ts';
import { REQUEST_ID } from './request-id.ts';

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  sendText(response, status, JSON.stringify(value), { 'content-type': 'application/json', ...headers });
}

export const ONE_WRITE_BYTES = 8_192;

export function sendBytes(
  response: ServerResponse,
  status: number,
  body: Buffer,
  headers: Record<string, string>,
): void {
  if (!begin(response, status, headers, body.byteLength)) return;
  if (headers['connection'] === 'close' && !response.req.complete) endAfterReading(response, body);
  // A string joins the header in one write; latin1 keeps every byte as it is.
  else if (body.byteLength <= ONE_WRITE_BYTES) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

function sendText(response: ServerResponse, status: number, text: string, headers: Record<string, string>): void {
  if (!begin(response, status, headers, Buffer.byteLength(text))) return;
  if (headers['connection'] === 'close' && !response.req.complete) endAfterReading(response, text);
  else response.end(text);
}

/** @returns false where it was answered before, or nobody is there any more */
function begin(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  contentLength: number,
): boolean {
  if (response.headersSent || response.destroyed) return false;
  // A list goes out as it is, an object is read key by key.
  const list: string[] = [];
  for (const name in headers) list.push(name, headers[name] as string);
  list.push('content-length', String(contentLength));
  response.writeHead(status, list);
  return true;
}

const LINGER_MS = 1_000;

/** A socket closed with bytes unread is reset, and the reset can overtake the answer: so what still comes is read first. */
function endAfterReading(response: ServerResponse, body: Buffer | string): void {
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

/** The synchronous way tells a passed deadline as 503, as Triton does. */
const v2Status = (failure: Failure): number =>
  failure.code === 'expired' || failure.code === 'cancelled' ? 503 : failure.kind.status;

/** Put together in one object, and once: refusals come by the thousand. */
function failureHeaders(
  { code, retryAfterS = 1 }: Failure,
  status: number,
  contentType: string,
  requestId: string | undefined,
): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': contentType };
  if (requestId !== undefined) headers[REQUEST_ID] = requestId;
  // Seconds with a little jitter, so that those refused together do not come back together.
  if (status === 503 || status === 429)
    headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterS * (1 + Math.random() / 2))));
  // What could not be read to its end leaves the connection in doubt.
  if (code === 'too_large' || code === 'draining') headers['connection'] = 'close';
  return headers;
}

function sendV2Failure(response: ServerResponse, failure: Failure, requestId?: string): void {
  const status = v2Status(failure);
  const headers = failureHeaders(failure, status, 'application/json', requestId);
  sendText(response, status, JSON.stringify({ error: failure.message }), headers);
}

export function sendProblem(response: ServerResponse, error: unknown, instance: string, requestId?: string): void {
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
  const headers = failureHeaders(failure, status, 'application/problem+json', requestId);
  sendText(response, status, JSON.stringify(body), headers);
}

/**
 * In the form of the part of the interface that was asked, also where Express has handed it on under another path.
 * @param requestId sent where the request came without one
 */
export function sendFailure(response: ServerResponse, error: unknown, requestId?: string): void {
  const { url = '', originalUrl = url } = response.req as IncomingMessage & { originalUrl?: string };
  const path = pathOf(originalUrl);
  if (path.startsWith('/v1/')) sendProblem(response, error, path, requestId);
  else sendV2Failure(response, asFailure(error), requestId);
}
