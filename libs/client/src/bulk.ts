/** Many jobs of one model in few requests: a line each, in JSON, as POST …/jobs/bulk takes it. */
import { call, type CallOptions } from './call.ts';
import type { Server } from './connect.ts';
import { BatchyardFailure } from './failure.ts';
import { submitHeaders, type SubmitTerms } from './jobs.ts';
import { encodeRequest, modelPath, type InferRequest } from './request.ts';

/** What holds for all of them. */
export type BulkTerms = Pick<InferRequest, 'model' | 'version'> & SubmitTerms;
export type BulkRequest = Pick<InferRequest, 'id' | 'inputs' | 'outputs' | 'parameters'>;

export type BulkOutcome =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly failure: BatchyardFailure };

/** What the server takes in one request, and less than it takes in bytes. */
const MOST_LINES = 1_000;
const MOST_CHARACTERS = 16 * 1_048_576;

type Line = {
  readonly status: number;
  readonly id?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly retryable?: boolean;
};

function toLine(which: BulkTerms, request: BulkRequest): string {
  const { body } = encodeRequest({ ...which, ...request, format: 'json' });
  if (typeof body !== 'string')
    throw new TypeError('FP16, NaN and infinities have no form in JSON: submit such jobs one by one');
  return body;
}

function toOutcome(text: string): BulkOutcome {
  const { status, id, code, detail, retryable } = JSON.parse(text) as Line;
  if (status === 202 && id !== undefined) return { ok: true, id };
  const extra = { status, retryable: retryable ?? status === 503 };
  return {
    ok: false,
    failure: new BatchyardFailure(code ?? 'internal', detail ?? `the line was answered ${status}`, extra),
  };
}

function* pieces(lines: Iterable<string>): Generator<string[]> {
  let piece: string[] = [];
  let size = 0;
  for (const line of lines) {
    if (piece.length === MOST_LINES || (piece.length > 0 && size + line.length > MOST_CHARACTERS)) {
      yield piece;
      [piece, size] = [[], 0];
    }
    piece.push(line);
    size += line.length;
  }
  if (piece.length > 0) yield piece;
}

/**
 * Submits them all, a thousand in a request. @returns what became of each, in their order: one that is refused stops no
 * other. @throws BatchyardFailure when a request as a whole fails; what earlier ones submitted stays
 */
export async function submitMany(
  server: Server,
  which: BulkTerms,
  requests: readonly BulkRequest[],
  options: CallOptions = {},
): Promise<BulkOutcome[]> {
  const lines = requests.map((request) => toLine(which, request));
  const outcomes: BulkOutcome[] = [];
  let number = 0;
  for (const piece of pieces(lines)) {
    const { idempotencyKey } = which;
    const key = idempotencyKey === undefined ? undefined : `${idempotencyKey}-${number}`;
    number += 1;
    const headers = { 'content-type': 'application/x-ndjson', ...submitHeaders({ ...which, idempotencyKey: key }) };
    const asked = { ...options, method: 'POST' as const, path: `/v1/${modelPath(which)}/jobs/bulk`, headers };
    const text = await call(server, { ...asked, body: `${piece.join('\n')}\n` }, (response) => response.text());
    const told = text.split('\n').filter((line) => line !== '');
    if (told.length !== piece.length)
      throw new BatchyardFailure('internal', `${piece.length} lines got ${told.length} answers`, { status: 200 });
    outcomes.push(...told.map(toOutcome));
  }
  return outcomes;
}
