/** Many requests, of which so many are under way at once; the next is drawn when one has ended, so an endless source is fine. */
import type { CallOptions } from './call.ts';
import type { Server } from './connect.ts';
import { BatchyardFailure } from './failure.ts';
import { infer } from './infer.ts';
import type { InferRequest } from './request.ts';
import type { InferResult } from './response.ts';

export type BatchOptions = CallOptions & {
  /** Requests under way at once; 16. `timeoutMs` is of each. */
  readonly concurrency?: number | undefined;
  /** Called as answers come, in any order; `index` counts the requests. What it throws ends the batch. */
  readonly onResult?: ((result: InferResult, index: number) => void | Promise<void>) | undefined;
  readonly onError?: ((failure: BatchyardFailure, index: number) => void | Promise<void>) | undefined;
};

export type Outcome =
  | { readonly ok: true; readonly result: InferResult }
  | { readonly ok: false; readonly failure: BatchyardFailure };

type Source<T> = Iterable<T> | AsyncIterable<T>;

async function* drawn<T>(source: Source<T>): AsyncGenerator<T> {
  yield* source;
}

/**
 * Runs them all and keeps nothing: answers go to `onResult` and `onError`. One that fails does not stop the others; an
 * abort does. @returns how many succeeded and failed
 */
export async function inferEach(
  server: Server,
  requests: Source<InferRequest>,
  { concurrency = 16, onResult, onError, ...options }: BatchOptions = {},
): Promise<{ readonly succeeded: number; readonly failed: number }> {
  const counts = { succeeded: 0, failed: 0 };
  const source = drawn(requests);
  let index = 0;
  let stopped = false;

  async function runOne(request: InferRequest, at: number): Promise<void> {
    let result: InferResult;
    try {
      result = await infer(server, request, options);
    } catch (error) {
      // A request that cannot even be written down is this one's failure too.
      const failure =
        error instanceof BatchyardFailure
          ? error
          : new BatchyardFailure('invalid_input', error instanceof Error ? error.message : String(error), {
              cause: error,
            });
      counts.failed += 1;
      await onError?.(failure, at);
      return;
    }
    counts.succeeded += 1;
    await onResult?.(result, at);
  }
  async function lane(): Promise<void> {
    while (!stopped && !options.signal?.aborted) {
      const next = await source.next();
      if (next.done) return;
      const at = index;
      index += 1;
      await runOne(next.value, at);
    }
  }
  const lanes = Array.from({ length: Math.max(1, Math.floor(concurrency)) }, () =>
    lane().catch((error: unknown) => {
      stopped = true;
      throw error;
    }),
  );
  const ended = await Promise.allSettled(lanes);
  await source.return(undefined);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  if (options.signal?.aborted)
    throw new BatchyardFailure('aborted', 'the caller has aborted the batch', { cause: options.signal.reason });
  return counts;
}

/** Runs them all. @returns how each ended, in the order of the requests */
export async function inferMany(
  server: Server,
  requests: Source<InferRequest>,
  options: BatchOptions = {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await inferEach(server, requests, {
    ...options,
    async onResult(result, index) {
      outcomes[index] = { ok: true, result };
      await options.onResult?.(result, index);
    },
    async onError(failure, index) {
      outcomes[index] = { ok: false, failure };
      await options.onError?.(failure, index);
    },
  });
  return outcomes;
}
