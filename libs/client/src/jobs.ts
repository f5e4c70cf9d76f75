/** Durable jobs: submit, look, wait for the result, cancel, try again. */
import { call, readJson, type CallOptions } from './call.ts';
import type { Server } from './connect.ts';
import { BatchyardFailure } from './failure.ts';
import { encodeRequest, modelPath, type InferRequest, type Priority } from './request.ts';
import { readResult, type InferResult } from './response.ts';

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'expired';

export type SubmitTerms = {
  readonly priority?: Priority | undefined;
  /** How long the job may wait; 30 s. */
  readonly jobTimeoutMs?: number | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Where the end of the job is told. */
  readonly webhook?: string | undefined;
  /** One that you choose also holds over a restart of yours; otherwise a retry of this call has its own. */
  readonly idempotencyKey?: string | undefined;
};
export type SubmitRequest = InferRequest & SubmitTerms;

export type SubmittedJob = {
  readonly id: string;
  readonly status: JobStatus;
  readonly model_name: string;
  readonly model_version: string;
  readonly priority: Priority;
  readonly submitted_at: string;
  readonly deadline: string;
  /** Whether it outlives a restart of Redis. */
  readonly durable?: boolean;
};

export type Job = {
  readonly id: string;
  readonly status: JobStatus;
  readonly model_name: string;
  readonly model_version: string;
  readonly priority: Priority;
  readonly rows: number;
  readonly position?: number;
  readonly attempts: number;
  readonly deliveries: number;
  readonly submitted_at: string;
  readonly deadline?: string;
  /** Milliseconds since it was submitted. */
  readonly timeline: { readonly queued: 0; readonly started?: number; readonly finished?: number };
  readonly worker?: string;
  readonly error?: { readonly code: string; readonly message: string };
};

const LONGEST_POLL_MS = 30_000;
/** How long the answer to a long poll may be on its way. */
const GRACE_MS = 10_000;

export const jobPath = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;

/** Hex of 16 random bytes; `randomUUID` exists on secure pages only. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const tagsHeader = (tags: Readonly<Record<string, string>>): string =>
  Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');

/** What a submit says beside its body. */
export function submitHeaders({ priority, jobTimeoutMs, tags, webhook, idempotencyKey }: SubmitTerms) {
  return {
    ...(priority === undefined ? {} : { 'batchyard-priority': priority }),
    ...(jobTimeoutMs === undefined ? {} : { 'batchyard-timeout-ms': String(jobTimeoutMs) }),
    ...(tags === undefined ? {} : { 'batchyard-tags': tagsHeader(tags) }),
    ...(webhook === undefined ? {} : { 'batchyard-webhook': webhook }),
    'idempotency-key': idempotencyKey ?? newKey(),
  };
}

/** All tries of one call carry the same `Idempotency-Key`, so that a retry finds the job of the first. @throws BatchyardFailure */
export function submit(server: Server, request: SubmitRequest, options: CallOptions = {}): Promise<SubmittedJob> {
  const { body, headers } = encodeRequest(request);
  const path = `/v1/${modelPath(request)}/jobs`;
  const all = { ...headers, ...submitHeaders(request) };
  return call(server, { ...options, method: 'POST', path, body, headers: all }, readJson<SubmittedJob>);
}

const waitQuery = (ms: number): string => (ms > 0 ? `?wait=${Math.ceil(Math.min(60_000, ms))}ms` : '');

/** The job as it is; with `waitMs` once it has ended, or after that time. @throws BatchyardFailure */
export function getJob(
  server: Server,
  id: string,
  { waitMs = 0, ...options }: CallOptions & { readonly waitMs?: number | undefined } = {},
): Promise<Job> {
  const timeoutMs = options.timeoutMs ?? server.timeoutMs + waitMs;
  return call(
    server,
    { ...options, timeoutMs, method: 'GET', path: `${jobPath(id)}${waitQuery(waitMs)}` },
    readJson<Job>,
  );
}

/** How a job ended, which asking again does not change. */
const ENDS = new Set(['expired', 'removed', 'model_changed', 'worker_error', 'model_error', 'poison', 'no_input']);

/**
 * Waits until the job has ended, by long polls. A job that did not succeed is thrown, with the code it failed with and
 * whether a new submission can help. Without `timeoutMs` the wait has no end but the job's own. @throws BatchyardFailure
 */
export async function result(server: Server, id: string, options: CallOptions = {}): Promise<InferResult> {
  const endMs = Date.now() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
  const format = { accept: 'application/octet-stream, application/json' };
  for (;;) {
    const leftMs = endMs - Date.now();
    if (leftMs <= 0) throw new BatchyardFailure('deadline', `job ${id} has not ended in time`, { retryable: true });
    const pollMs = Math.min(LONGEST_POLL_MS, leftMs);
    const asked = {
      method: 'GET' as const,
      path: `${jobPath(id)}/result${waitQuery(pollMs)}`,
      headers: format,
      signal: options.signal,
      timeoutMs: pollMs + GRACE_MS,
      retryOn: ({ code }: BatchyardFailure) => !ENDS.has(code),
    };
    const found = await call(server, asked, async (response) => {
      if (response.status !== 202) return readResult(response);
      await response.text();
      return undefined;
    });
    if (found) return found;
  }
}

export type Cancelled = { readonly id: string; readonly status: 'cancelled' | 'running' };

/** `running`: it runs, and its result will be dropped. @throws BatchyardFailure conflict, when it had ended otherwise */
export function cancel(server: Server, id: string, options: CallOptions = {}): Promise<Cancelled> {
  return call(server, { ...options, method: 'DELETE', path: jobPath(id) }, readJson<Cancelled>);
}

/** A job that failed or expired waits again, with the input it kept. @throws BatchyardFailure */
export function retry(server: Server, id: string, options: CallOptions = {}): Promise<{ readonly id: string }> {
  return call(
    server,
    { ...options, method: 'POST', path: `${jobPath(id)}/retry`, once: true },
    readJson<{ id: string }>,
  );
}
