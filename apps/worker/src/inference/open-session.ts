/** The main thread's handle on a session thread. */
import { Worker } from 'node:worker_threads';

import type { FileTensor, FromThread, ThreadStart, ThreadTensor } from './thread-message.ts';

export type RunResult = { readonly outputs: readonly ThreadTensor[]; readonly runMs: number };

export type Session = {
  readonly inputs: readonly FileTensor[];
  readonly outputs: readonly FileTensor[];
  /** One run at a time; buffers are given away and come back through `release`. @throws Error of the model */
  run(inputs: readonly ThreadTensor[]): Promise<RunResult>;
  /** From now on tells of the thread's end instead of failing what it ran: that is no fault of the jobs. */
  onEnd(ended: (error: Error) => void): void;
  close(): Promise<void>;
};

type Parts = ThreadStart & {
  /** Gets back each buffer that was given to `run`. */
  readonly release: (slab: ArrayBuffer) => void;
  readonly loadLimitMs: number;
};

type Waiter = { resolve(result: RunResult): void; reject(error: Error): void };
type Loaded = Extract<FromThread, { kind: 'loaded' }>;

// Threads run the built file also where the rest runs from source.
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/inference/session-thread.js' : './session-thread.js',
  import.meta.url,
);

/**
 * onnxruntime's own builds report to their makers, under an identifier that they keep in the home folder, unless this is in the
 * environment of the process before the library is loaded (https://github.com/microsoft/onnxruntime/pull/27379). A thread's
 * `process.env` is a copy that a library never sees, so it is set here; what the operator has set stays.
 */
function keepQuiet(): void {
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
}

/** @throws Error when the file cannot be loaded, or not in time */
export async function openSession({ file, intraOpThreads, providers, release, loadLimitMs }: Parts): Promise<Session> {
  keepQuiet();
  const start: ThreadStart = { file, intraOpThreads, providers };
  const thread = new Worker(THREAD, { workerData: start, execArgv: [] });
  const waiting = new Map<number, Waiter>();
  let next = 0;

  function settle(message: Exclude<FromThread, { kind: 'loaded' | 'refused' }>): void {
    message.slabs.forEach(release);
    const waiter = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'done') waiter?.resolve(message);
    else waiter?.reject(new Error(message.message));
  }
  let closing = false;
  let tellEnd: ((error: Error) => void) | undefined;
  function broken(error: Error): void {
    if (tellEnd && !closing) {
      tellEnd(error);
      return;
    }
    for (const waiter of waiting.values()) waiter.reject(error);
    waiting.clear();
  }
  thread.on('error', broken);
  thread.on('exit', () => broken(new Error('the session thread has ended')));

  const loaded = await new Promise<Loaded>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('loading took too long')), loadLimitMs);
    thread.once('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    thread.on('message', (message: FromThread) => {
      if (message.kind === 'loaded' || message.kind === 'refused') {
        clearTimeout(limit);
        if (message.kind === 'loaded') resolve(message);
        else reject(new Error(message.message));
      } else settle(message);
    });
  }).catch(async (error: unknown) => {
    await thread.terminate();
    throw error;
  });

  return {
    inputs: loaded.inputs,
    outputs: loaded.outputs,
    run(inputs) {
      next += 1;
      const id = next;
      const slabs = inputs.flatMap(({ data }) => (data instanceof Uint8Array ? [data.buffer as ArrayBuffer] : []));
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        thread.postMessage({ id, inputs }, slabs);
      });
    },
    onEnd(ended) {
      tellEnd = ended;
    },
    async close() {
      closing = true;
      await thread.terminate();
    },
  };
}
