/** What becomes of a job, as it happens: a stream that survives broken connections, and the same by callbacks. */
import { pause, type CallOptions } from './call.ts';
import type { Server } from './connect.ts';
import { createEventLines, type EventLines, type ServerEvent } from './event-lines.ts';
import { BatchyardFailure, failureOf } from './failure.ts';
import { jobPath, result, type JobStatus } from './jobs.ts';
import type { InferResult } from './response.ts';

export type JobEvent = {
  /** Of the event; where a later stream can go on from (`after`). */
  readonly id: string | undefined;
  readonly status: JobStatus;
  /** All that the server tells with it. */
  readonly detail: Readonly<Record<string, unknown>>;
};

const TERMINAL = new Set<JobStatus>(['succeeded', 'failed', 'cancelled', 'expired']);
/** Silence of three heartbeats is a dead connection. */
const SILENCE_MS = 45_000;
const RETRY_MS = 1_000;
const MOST_BREAKS = 5;

type Stream = { readonly server: Server; readonly id: string; readonly signal: AbortSignal | undefined };

const unreachable = (cause: unknown): BatchyardFailure =>
  new BatchyardFailure('network', 'the stream of events broke off', { retryable: true, cause });

/** One connection, until the server ends it or it breaks. */
async function* connection({ server, id, signal }: Stream, lines: EventLines): AsyncGenerator<ServerEvent> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  let timer = setTimeout(stop, server.timeoutMs);
  signal?.addEventListener('abort', stop);
  try {
    if (signal?.aborted) stop();
    const last = lines.lastId();
    const headers = {
      ...server.headers,
      accept: 'text/event-stream',
      ...(last === undefined ? {} : { 'last-event-id': last }),
    };
    const response = await server.fetch(`${server.url}${jobPath(id)}/events`, { headers, signal: controller.signal });
    if (response.status >= 400) throw await failureOf(response);
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    while (reader) {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_MS);
      const { done, value } = await reader.read();
      if (done) return;
      yield* lines.push(decoder.decode(value, { stream: true }));
    }
  } catch (error) {
    if (error instanceof BatchyardFailure) throw error;
    if (signal?.aborted) throw new BatchyardFailure('aborted', 'the caller has left', { cause: signal.reason });
    throw unreachable(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    controller.abort();
  }
}

function toJobEvent({ id, data }: ServerEvent): JobEvent | undefined {
  try {
    const detail = JSON.parse(data) as Record<string, unknown>;
    return typeof detail['status'] === 'string' ? { id, status: detail['status'] as JobStatus, detail } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The states of a job from now on; ends after its last. After a break it goes on where it was. @throws BatchyardFailure
 * when the job is not there, when five connections in a row brought nothing, or when the signal says so
 */
export async function* jobEvents(
  server: Server,
  id: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<JobEvent> {
  const lines = createEventLines();
  let breaks = 0;
  for (;;) {
    let waitMs = lines.retryMs() ?? RETRY_MS;
    try {
      for await (const told of connection({ server, id, signal }, lines)) {
        breaks = 0;
        const event = toJobEvent(told);
        if (!event) continue;
        yield event;
        if (TERMINAL.has(event.status)) return;
      }
    } catch (error) {
      if (!(error instanceof BatchyardFailure) || !error.retryable || breaks >= MOST_BREAKS) throw error;
      waitMs = Math.max(waitMs, (error.retryAfterS ?? 0) * 1000);
    }
    breaks += 1;
    if (breaks > MOST_BREAKS) throw unreachable(undefined);
    await pause(waitMs, signal);
  }
}

export type JobCallbacks = {
  readonly onState?: ((event: JobEvent) => void) | undefined;
  readonly onResult: (result: InferResult) => void;
  /** The job did not succeed, or cannot be watched; not called after `stop`. */
  readonly onError: (failure: BatchyardFailure) => void;
};

/** Watches a job and calls back. @returns what stops the watching; the job goes on */
export function watchJob(
  server: Server,
  id: string,
  { onState, onResult, onError }: JobCallbacks,
  options: CallOptions = {},
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const stop = (): void => controller.abort();
  options.signal?.addEventListener('abort', stop);
  if (options.signal?.aborted) stop();
  const watch = async (): Promise<InferResult> => {
    if (onState) for await (const event of jobEvents(server, id, { signal })) onState(event);
    return result(server, id, { ...options, signal });
  };
  void watch()
    .then(onResult, (error: unknown) => {
      if (signal.aborted) return;
      onError(
        error instanceof BatchyardFailure ? error : new BatchyardFailure('internal', String(error), { cause: error }),
      );
    })
    .finally(() => options.signal?.removeEventListener('abort', stop));
  return stop;
}
