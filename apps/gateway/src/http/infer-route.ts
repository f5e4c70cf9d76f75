/** POST /v2/models/{m}[/versions/{v}]/infer: the hot route. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { deflate, gzip } from 'node:zlib';

import { Failure } from '@batchyard/shared/contract/failure';
import type { PriorityClass } from '@batchyard/shared/contract/job';
import type { Passed } from '@batchyard/shared/contract/memory';
import type { Model } from '@batchyard/shared/contract/model';

import { termsOf } from '../admission/terms.ts';
import type { InferResponse } from '../protocol/encode-infer.ts';
import type { InferLimits, InferRequest } from '../protocol/infer-request.ts';
import { parseInferRequest } from '../protocol/parse-infer.ts';
import { callerOf, chargeRows, permittedClass, type Caller } from './caller.ts';
import type { ModelPath } from './paths.ts';
import { readBody, type Exchange, type Intake } from './read-body.ts';
import { priorityHeader, timeoutHeader } from './request-options.ts';
import { ONE_WRITE_BYTES, sendBytes } from './respond.ts';

export type Asked = {
  readonly model: Model;
  readonly queue: string;
  readonly request: InferRequest;
  readonly priority: PriorityClass | undefined;
  readonly timeoutMs: number | undefined;
  readonly caller: Caller;
  /** Its place in a trace, where there are traces. */
  readonly trace?: string | undefined;
};

/** What is known of a request before its body is read. */
export type Announced = Omit<Asked, 'request'>;

export type ModelLookup = {
  model(
    name: string,
    version?: string,
  ): { readonly model: Model; readonly queue: string; readonly workers: number } | undefined;
  known(name: string): boolean;
  /** Also of a model that is no longer offered, while results of it are kept. */
  byQueue(queue: string): { readonly model: Model } | undefined;
};
export type Limits = {
  readonly jsonBytes: number;
  readonly binaryBytes: number;
  /** @returns why the request is refused whatever its body says */
  readonly screen: (announced: Announced) => Failure | undefined;
  readonly intake: Intake;
  /** Of a tensor. */
  readonly elements: InferLimits;
  /** Of the results. */
  readonly copies: Passed;
};

/** @throws Failure model_not_found with the text that Triton's clients match on */
export function lookUp(
  models: ModelLookup,
  { model, version }: ModelPath,
): { model: Model; queue: string; workers: number } {
  const found = models.model(model, version);
  if (found) return found;
  const where = version !== undefined && models.known(model) ? ` version ${version}` : '';
  throw new Failure('model_not_found', `Request for unknown model: '${model}'${where} is not found`);
}

/** What becomes known of a request on its way, for whoever counts it at its end. */
export type Noted = { queue?: string; priority?: PriorityClass; readonly trace?: string };

type Noting = Exchange & { readonly noted: Noted };

/** @throws Failure model_not_found, bad_request, forbidden */
export function readAnnounced(
  { request, noted }: Pick<Noting, 'request' | 'noted'>,
  path: ModelPath,
  models: ModelLookup,
): Announced {
  const { model, queue } = lookUp(models, path);
  noted.queue = queue;
  const caller = callerOf(request);
  const priority = priorityHeader(request.headers);
  if (priority) noted.priority = permittedClass(caller, priority, true);
  return { model, queue, priority, timeoutMs: timeoutHeader(request.headers), caller };
}

/** A body with what says how it is to be read. */
export type InferBody = { readonly body: Buffer; readonly headerLength: string | undefined };

export async function readInferBody(exchange: Exchange, limits: Limits): Promise<InferBody> {
  const header = exchange.request.headers['inference-header-content-length'];
  const headerLength = Array.isArray(header) ? header.join(',') : header;
  const limit = headerLength === undefined ? limits.jsonBytes : limits.binaryBytes;
  return { body: await readBody(exchange, limit, limits.intake), headerLength };
}

/** Validates a request for a model. @throws Failure forbidden for a class that the caller may not use */
export function parseAsked(
  { body, headerLength }: InferBody,
  { model, queue, priority, timeoutMs, caller }: Announced,
  noted: Noted,
  elements: InferLimits,
): Asked {
  const request = parseInferRequest(model, body, headerLength, elements);
  const { parameters } = request;
  const wanted = termsOf(model.queueing, { priority, timeoutMs, parameters }).priority;
  const named = (priority ?? parameters.priority ?? parameters.level) !== undefined;
  const own = permittedClass(caller, wanted, named);
  noted.priority = own;
  const { trace } = noted;
  return { model, queue, priority: own === wanted ? priority : own, timeoutMs, caller, request, trace };
}

/** Reads and validates a request for a model. */
export async function readAsked(
  { request, response, noted }: Noting,
  announced: Announced,
  limits: Limits,
): Promise<Asked> {
  // Without a single row left the body is not worth reading.
  chargeRows(announced.caller, 0, response);
  const body = await readInferBody({ request, response }, limits);
  const asked = parseAsked(body, announced, noted, limits.elements);
  chargeRows(announced.caller, asked.request.rows, response);
  return asked;
}

/** Settles when the caller hangs up before it was answered. */
export function hangUp(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.on('close', () => {
      if (!response.writableFinished) resolve();
    });
  });
}

const SMALLEST_COMPRESSED = 1_024;
const CODINGS = /\b(gzip|deflate)\b/;

/** The coding that the caller likes best, of those it names with any liking at all. */
function acceptedCoding(header: string): string | undefined {
  if (!header.includes('q')) return CODINGS.exec(header)?.[1];
  let best: string | undefined;
  let most = 0;
  for (const part of header.split(',')) {
    const name = CODINGS.exec(part)?.[1];
    const liking = Number(/;\s*q\s*=\s*([0-9.]+)/i.exec(part)?.[1] ?? 1);
    if (name !== undefined && liking > most) [best, most] = [name, liking];
  }
  return best;
}

/** Sends an answer of infer, compressed where the client accepts it and it is worth it. */
export function sendInfer(
  request: IncomingMessage,
  response: ServerResponse,
  { body, headerLength, cache }: InferResponse,
  copies: Passed,
): void {
  const headers: Record<string, string> =
    headerLength === undefined
      ? { 'content-type': 'application/json' }
      : { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(headerLength) };
  if (cache !== undefined) headers['batchyard-cache'] = cache;
  const accepted = request.headers['accept-encoding'];
  const encoding =
    accepted === undefined || body.byteLength < SMALLEST_COMPRESSED ? undefined : acceptedCoding(String(accepted));
  if (headerLength !== undefined) copies.answer += body.byteLength - headerLength;
  if (encoding === undefined) {
    if (body.byteLength <= ONE_WRITE_BYTES) copies.answer += body.byteLength;
    sendBytes(response, 200, body, headers);
    return;
  }
  const compress = encoding === 'gzip' ? gzip : deflate;
  compress(body, { level: 1 }, (error, packed) => {
    if (error) sendBytes(response, 200, body, headers);
    else sendBytes(response, 200, packed, { ...headers, 'content-encoding': encoding });
  });
}
