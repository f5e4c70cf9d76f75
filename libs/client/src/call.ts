/**
 * One call of the server with its retries.
 *   - Only what can succeed later is tried again, only while the budget allows it, and never after the deadline: when the
 *     server asks for more time than is left, the call fails at once.
 *   - The wait is the server's `Retry-After`, or a random part of a time that doubles, whichever is longer.
 *   - A call that may not happen twice says `once`.
 */
import type { Server } from './connect.ts';
import { BatchyardFailure, failureOf } from './failure.ts';

export type CallOptions = {
  readonly signal?: AbortSignal | undefined;
  /** For all tries together; the server's own if it is left out. */
  readonly timeoutMs?: number | undefined;
};

export type Call = CallOptions & {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  /** What happened may not happen again: no retries. */
  readonly once?: boolean | undefined;
  /** Tells the server how long this caller waits, so that it runs nothing for one who has gone. */
  readonly tellDeadline?: boolean | undefined;
  /** Whether a failure is one of this call; the state that a finished job is in is not. */
  readonly retryOn?: ((failure: BatchyardFailure) => boolean) | undefined;
};

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
/** What a timer of JavaScript can count. */
const LONGEST_TIMER_MS = 2_147_483_647;

const aborted = (signal: AbortSignal): BatchyardFailure =>
  new BatchyardFailure('aborted', 'the caller has aborted the call', { cause: signal.reason });

/** @throws BatchyardFailure aborted */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    };
    const stop = (): void => {
      end();
      if (signal) reject(aborted(signal));
    };
    const timer = setTimeout(() => {
      end();
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop);
  });
}

/** Runs `work` under a signal that follows the caller's and the time left. */
async function within<T>(
  leftMs: number,
  signal: AbortSignal | undefined,
  work: (both: AbortSignal) => Promise<T>,
): Promise<T> {
  // Not AbortSignal.any: on a signal that lives long it leaves something behind with every call in some releases of Node.
  const controller = new AbortController();
  let late = false;
  const follow = (): void => controller.abort(signal?.reason);
  const timer = setTimeout(
    () => {
      late = true;
      controller.abort();
    },
    Math.min(leftMs, LONGEST_TIMER_MS),
  );
  signal?.addEventListener('abort', follow);
  try {
    if (signal?.aborted) throw aborted(signal);
    return await work(controller.signal);
  } catch (error) {
    if (error instanceof BatchyardFailure) throw error;
    if (signal?.aborted) throw aborted(signal);
    if (late) throw new BatchyardFailure('deadline', 'no answer came in time', { retryable: true, cause: error });
    const reason = error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : '';
    throw new BatchyardFailure('network', `the server cannot be reached: ${reason}`, { retryable: true, cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', follow);
  }
}

/** @param read what to make of an answer below 400, while the deadline still counts; @throws BatchyardFailure */
export async function call<T>(server: Server, asked: Call, read: (response: Response) => Promise<T>): Promise<T> {
  const endMs = Date.now() + (asked.timeoutMs ?? server.timeoutMs);
  const { method, path, body, signal } = asked;
  server.budget.earn();

  function attempt(leftMs: number): Promise<T> {
    return within(leftMs, signal, async (both) => {
      const headers = {
        ...server.headers,
        ...asked.headers,
        ...(asked.tellDeadline ? { 'batchyard-timeout-ms': String(Math.max(1, Math.floor(leftMs))) } : {}),
      };
      const init = { method, headers, signal: both, ...(body === undefined ? {} : { body }) };
      const response = await server.fetch(`${server.url}${path}`, init);
      if (response.status >= 400) throw await failureOf(response);
      return read(response);
    });
  }

  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(endMs - Date.now());
    } catch (error) {
      if (!(error instanceof BatchyardFailure) || !error.retryable || asked.once || error.code === 'deadline')
        throw error;
      if (asked.retryOn?.(error) === false || tries >= server.most) throw error;
      const ownMs = Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries);
      const waitMs = Math.max(ownMs, (error.retryAfterS ?? 0) * 1000);
      if (Date.now() + waitMs >= endMs || !server.budget.spend()) throw error;
      await pause(waitMs, signal);
    }
  }
}

export const readJson = <T>(response: Response): Promise<T> => response.json() as Promise<T>;
