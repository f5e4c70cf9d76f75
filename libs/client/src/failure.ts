/**
 * Everything that can go wrong in a call, as one type. `code` is one of docs/failures.md where the server names it. An
 * answer of /v2 has a sentence only, so there the code is the nearest that its status allows. Three codes come from here:
 *   network    no answer at all      deadline   `timeoutMs` passed      aborted   the caller's signal said so
 */
type Extra = {
  readonly status?: number | undefined;
  readonly retryable?: boolean | undefined;
  /** Seconds after which the server wants to be asked again. */
  readonly retryAfterS?: number | undefined;
  /** JSON pointers to what is wrong in the request. */
  readonly pointers?: readonly string[] | undefined;
  readonly cause?: unknown;
};

export class BatchyardFailure extends Error {
  override readonly name = 'BatchyardFailure';
  readonly code: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
  readonly retryAfterS: number | undefined;
  readonly pointers: readonly string[];

  constructor(code: string, message: string, extra: Extra = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.code = code;
    this.status = extra.status ?? 0;
    this.retryable = extra.retryable ?? false;
    this.retryAfterS = extra.retryAfterS;
    this.pointers = extra.pointers ?? [];
  }
}

const RETRYABLE = new Set([408, 425, 429, 502, 503, 504]);

/** The nearest code of an answer that names none. */
const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  409: 'conflict',
  410: 'gone',
  413: 'too_large',
  415: 'unsupported_encoding',
  429: 'overloaded',
  431: 'headers_too_large',
  502: 'network',
  503: 'overloaded',
  504: 'expired',
};

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** `Retry-After` in seconds: a number, or a date. */
function retryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null || text === '') return undefined;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - nowMs) / 1000);
}

/** The failure that an answer tells: a problem document of /v1, Triton's `{"error"}` of /v2, or a bare status. */
export async function failureOf(response: Response): Promise<BatchyardFailure> {
  const { status } = response;
  const body = parsed(await response.text());
  const sentence = [body['detail'], body['error'], body['title']].find((one) => typeof one === 'string');
  const message = sentence ?? `the server answered ${status}`;
  const late = status === 503 && /timeout expired/i.test(message);
  const code = typeof body['code'] === 'string' ? body['code'] : late ? 'expired' : (BY_STATUS[status] ?? 'internal');
  const told = body['retryable'];
  const errors = Array.isArray(body['errors']) ? (body['errors'] as { pointer?: unknown }[]) : [];
  return new BatchyardFailure(code, message, {
    status,
    retryable: typeof told === 'boolean' ? told : RETRYABLE.has(status),
    retryAfterS: retryAfter(response.headers.get('retry-after'), Date.now()),
    pointers: errors.flatMap(({ pointer }) => (typeof pointer === 'string' ? [pointer] : [])),
  });
}
