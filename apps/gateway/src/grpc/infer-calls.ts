/** ModelInfer, and what it has in common with a stream. A call that is cancelled, or whose deadline passes, cancels its job. */
import type { handleUnaryCall, Metadata } from '@grpc/grpc-js';

import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';
import { DEFAULT_CLASS, MAX_TIMEOUT_MS, type PriorityClass } from '@batchyard/shared/contract/job';
import type { Passed } from '@batchyard/shared/contract/memory';
import { MODEL_NAME, type Model } from '@batchyard/shared/contract/model';
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';

import type { Meter } from '../admission/row-bucket.ts';
import { termsOf } from '../admission/terms.ts';
import { grpcInferResponse, parseGrpcInfer } from '../protocol/grpc-infer.ts';
import type { GrpcInferRequest, GrpcInferResponse } from '../protocol/grpc-messages.ts';
import { shown, type InferLimits, type InferRequest } from '../protocol/infer-request.ts';
import { asFailure, errorOf, statusOf } from './call-status.ts';
import type { Sized } from './load-services.ts';

type Announced = {
  readonly model: Model;
  readonly queue: string;
  readonly priority: PriorityClass | undefined;
  readonly timeoutMs: number | undefined;
  readonly caller: GrpcCaller;
};
type Wishes = Omit<Announced, 'model' | 'queue'>;
/** Who calls, as `wishes` has found it; what it may do is for `permit`. */
type GrpcCaller = {
  readonly tenant: string;
  readonly classes?: ReadonlySet<PriorityClass>;
  readonly meter?: Meter;
};

export type EndedCall = {
  readonly route: string;
  readonly method: string;
  /** The HTTP status that the same end has there. */
  readonly status: number;
  readonly seconds: number;
  readonly queue: string | undefined;
  readonly priority: PriorityClass;
  readonly code: FailureCode | undefined;
};

export type Headers = Readonly<Record<string, string | undefined>>;

export type InferParts = {
  /** @throws Failure model_not_found */
  lookUp(name: string, version: string | undefined): { readonly model: Model; readonly queue: string };
  /** Of the headers that HTTP has. @throws Failure bad_request, unauthorized, forbidden */
  wishes(headers: Headers): Wishes;
  /** The class that it gets. @throws Failure forbidden, rate_limited */
  permit(caller: GrpcCaller, asked: { wanted: PriorityClass; named: boolean; rows: number }): PriorityClass;
  /** Of a tensor. */
  readonly elements: InferLimits;
  /** @returns why it is refused whatever its tensors say */
  screen(announced: Announced): Failure | undefined;
  results(
    asked: Announced & { readonly request: InferRequest; readonly trace: string | undefined },
    gone: Promise<void>,
  ): Promise<{ readonly tensors: readonly BlobTensor[] }>;
  readonly observe: { began(): void; ended(call: EndedCall): void };
  /** Begins the span of a request, where there are traces. */
  readonly trace:
    | ((route: string, parent: string | undefined) => { readonly place: string; end(call: EndedCall): void })
    | undefined;
  /** @returns the id under which the trouble is in the log */
  report(trouble: { readonly given: string | undefined; failure: Failure; error: unknown }): string;
  readonly copies: { readonly request: Passed; readonly result: Passed };
};

/** What a call says once for all of its requests. */
export type CallTerms = { readonly headers: Headers; readonly deadline: number; readonly gone: Promise<void> };
export type Message = Sized<GrpcInferRequest>;
type Noted = { queue?: string; priority?: PriorityClass; readonly trace?: string };

const ROUTE = 'infer';
const CLIENT_CLOSED = 499;

const KEY_HEADERS = new Set(['authorization', 'x-api-key']);
const HEADERS = ['batchyard-priority', 'batchyard-timeout-ms', 'traceparent', 'x-request-id', ...KEY_HEADERS];

export const headersOf = (metadata: Metadata): Headers =>
  Object.fromEntries(
    HEADERS.map((name) => {
      const values = metadata.get(name);
      // Two of a key are no key: nobody knows which of them counts.
      if (values.length > 1 && KEY_HEADERS.has(name)) return [name, values.join(', ')];
      const [value] = values;
      return [name, typeof value === 'string' ? value : undefined];
    }),
  );

/** The deadline of the call is its job's; what else asks for a time may shorten it. */
function withDeadline(wishes: Wishes, request: InferRequest, deadline: number): Wishes {
  if (deadline === Infinity) return wishes;
  const leftMs = deadline - Date.now();
  if (leftMs <= 0) throw new Failure('expired', 'Request timeout expired');
  const asked = wishes.timeoutMs ?? request.parameters.timeoutMs ?? Infinity;
  return { ...wishes, timeoutMs: Math.min(asked, leftMs, MAX_TIMEOUT_MS) };
}

export function createAnswer(parts: InferParts) {
  const { copies, observe } = parts;

  async function answer(message: Message, terms: CallTerms, noted: Noted) {
    const { model_name: name, model_version: version } = message;
    const safe = MODEL_NAME.test(name) ? name : shown(name);
    const { model, queue } = parts.lookUp(safe, version === '' ? undefined : version);
    noted.queue = queue;
    const wishes = parts.wishes(terms.headers);
    if (wishes.priority) noted.priority = wishes.priority;
    const refused = parts.screen({ model, queue, ...wishes });
    if (refused) throw refused;
    const request = parseGrpcInfer(model, message, parts.elements);
    const { parameters, rows } = request;
    const timed = withDeadline(wishes, request, terms.deadline);
    const wanted = termsOf(model.queueing, { ...timed, parameters }).priority;
    const named = (timed.priority ?? parameters.priority ?? parameters.level) !== undefined;
    const own = parts.permit(timed.caller, { wanted, named, rows });
    noted.priority = own;
    const priority = own === wanted ? timed.priority : own;
    copies.request.bytes += message.wireBytes;
    copies.request.body += message.wireBytes;
    const { trace } = noted;
    const { tensors } = await parts.results({ model, queue, request, ...timed, priority, trace }, terms.gone);
    // Into the message, and from there behind the five bytes before it.
    for (const { data } of tensors) copies.result.answer += 2 * data.byteLength;
    return { model, request, tensors };
  }

  /** Answers one request, and tells what became of it. @throws Failure */
  return async function observed(message: Message, terms: CallTerms, streamed: boolean): Promise<GrpcInferResponse> {
    const started = performance.now();
    const span = parts.trace?.(ROUTE, terms.headers['traceparent']);
    const noted: Noted = span ? { trace: span.place } : {};
    let code: FailureCode | undefined;
    let [status, isGone] = [200, false];
    const noteGone = async (): Promise<void> => terms.gone.then(() => void (isGone = true));
    void noteGone();
    observe.began();
    try {
      const { model, request, tensors } = await answer(message, terms, noted);
      return grpcInferResponse(model, request, tensors, streamed);
    } catch (error) {
      const failure = asFailure(error);
      ({ code } = failure);
      ({ status } = failure.kind);
      throw error;
    } finally {
      const { queue, priority = DEFAULT_CLASS } = noted;
      const seconds = (performance.now() - started) / 1_000;
      const ended = {
        route: ROUTE,
        method: 'gRPC',
        status: isGone ? CLIENT_CLOSED : status,
        seconds,
        queue,
        priority,
        code,
      };
      observe.ended(ended);
      span?.end(ended);
    }
  };
}

/** Tells when the caller has gone, or its deadline has passed, before `answered` said that nothing is left to do. */
export function onHangUp(
  call: { on(event: 'cancelled', listener: () => void): unknown; readonly cancelled: boolean },
  answered: () => boolean,
  tell: () => void,
): void {
  // Also told at the end of every call.
  call.on('cancelled', () => (answered() ? undefined : tell()));
  if (call.cancelled) tell();
}

/** The status of a failure; trouble of the server's own is reported. */
export function toldTo(report: InferParts['report']) {
  return (error: unknown, headers: Headers): ReturnType<typeof statusOf> => {
    const failure = asFailure(error);
    if (failure.kind.status < 500) return statusOf(failure);
    return statusOf(failure, report({ given: headers['x-request-id'], failure, error }));
  };
}

export function createInferCall(
  answer: ReturnType<typeof createAnswer>,
  told: ReturnType<typeof toldTo>,
): handleUnaryCall<Message, GrpcInferResponse> {
  return (call, callback) => {
    let isAnswered = false;
    const gone = new Promise<void>((resolve) => onHangUp(call, () => isAnswered, resolve));
    const headers = headersOf(call.metadata);
    async function respond(): Promise<void> {
      try {
        const response = await answer(call.request, { headers, deadline: Number(call.getDeadline()), gone }, false);
        isAnswered = true;
        callback(null, response);
      } catch (error) {
        isAnswered = true;
        callback(errorOf(told(error, headers)));
      }
    }
    void respond();
  };
}
