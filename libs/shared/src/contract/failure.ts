/**
 * Every way a request or a job can fail: its code, HTTP status, whether trying again can help, and a title.
 * docs/failures.md is checked against this table in both directions.
 */
export type FailureKind = {
  /** HTTP status of the synchronous way, and of the problem document. */
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
};

export const FAILURES = {
  bad_request: { status: 400, retryable: false, title: 'The request cannot be read' },
  invalid_input: { status: 400, retryable: false, title: 'The tensors do not fit the model' },
  unauthorized: { status: 401, retryable: false, title: 'The caller is not known' },
  forbidden: { status: 403, retryable: false, title: 'The caller may not do this' },
  not_found: { status: 404, retryable: false, title: 'There is no such thing' },
  method_not_allowed: { status: 405, retryable: false, title: 'The route does not have this method' },
  request_timeout: { status: 408, retryable: true, title: 'The request came too slowly' },
  conflict: { status: 409, retryable: false, title: 'The job is in another state' },
  gone: { status: 410, retryable: false, title: 'The result is no longer kept' },
  too_large: { status: 413, retryable: false, title: 'The request is larger than allowed' },
  unsupported_encoding: { status: 415, retryable: false, title: 'The content encoding is not supported' },
  expectation_failed: { status: 417, retryable: false, title: 'The expectation cannot be met' },
  key_reused: { status: 422, retryable: false, title: 'The key was used with another request' },
  rate_limited: { status: 429, retryable: true, title: 'The key has used up its rate' },
  headers_too_large: { status: 431, retryable: false, title: 'The headers are larger than allowed' },
  model_not_found: { status: 404, retryable: false, title: 'The model or version is not known' },
  model_not_ready: { status: 503, retryable: true, title: 'No worker serves the model now' },
  model_failing: { status: 503, retryable: true, title: 'The model fails for most requests now' },
  queue_full: { status: 503, retryable: true, title: 'The queue is full' },
  overloaded: { status: 503, retryable: true, title: 'The request cannot be answered in time' },
  draining: { status: 503, retryable: true, title: 'The server is shutting down' },
  queue_unavailable: { status: 503, retryable: true, title: 'Redis cannot be reached' },
  outcome_unknown: { status: 503, retryable: true, title: 'Whether the job was accepted is not known' },
  expired: { status: 504, retryable: true, title: 'The deadline passed before the job ran' },
  cancelled: { status: 409, retryable: false, title: 'The job was cancelled' },
  removed: { status: 503, retryable: true, title: 'The job was removed from the queue' },
  model_error: { status: 500, retryable: false, title: 'The model could not compute this input' },
  model_changed: { status: 503, retryable: true, title: 'The model was replaced while the job waited' },
  no_input: { status: 500, retryable: false, title: 'The job carries no input' },
  poison: { status: 500, retryable: false, title: 'The job was set aside after it had ended several workers' },
  worker_error: { status: 503, retryable: true, title: 'The worker failed for a reason of its own' },
  internal: { status: 500, retryable: false, title: 'Something is wrong in Batchyard' },
} as const satisfies Record<string, FailureKind>;

export type FailureCode = keyof typeof FAILURES;

/** The one error that stories throw and edges turn into a response. `message` is safe to show to the caller. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;
  /** Seconds a client should wait before it tries again. */
  readonly retryAfterS: number | undefined;
  /** JSON pointers to what is wrong in the request's body. */
  readonly pointers: readonly string[];

  constructor(code: FailureCode, message: string, extra: { retryAfterS?: number; pointers?: readonly string[] } = {}) {
    // Refusals come by the thousand under overload, and nobody reads their stacks.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.retryAfterS = extra.retryAfterS;
    this.pointers = extra.pointers ?? [];
  }

  get kind(): FailureKind {
    return FAILURES[this.code];
  }
}

export function isFailureCode(value: string): value is FailureCode {
  return Object.hasOwn(FAILURES, value);
}

/** BullMQ's `failedReason` of a failure, `code: message`, and back; what other tools wrote counts as a model error. */
export const failedReason = (code: FailureCode, message: string): string => `${code}: ${message}`;
export function parseFailedReason(reason: string): { code: FailureCode; message: string } {
  const colon = reason.indexOf(': ');
  const code = colon < 0 ? reason : reason.slice(0, colon);
  return isFailureCode(code)
    ? { code, message: colon < 0 ? FAILURES[code].title : reason.slice(colon + 2) }
    : { code: 'model_error', message: reason };
}
