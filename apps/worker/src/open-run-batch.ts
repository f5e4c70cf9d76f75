/** Part of the wiring: how a batch runs, with what is counted on its way. */
import type { QueueOperations } from '@batchyard/queue/queue';
import type { CopyCount } from '@batchyard/shared/contract/memory';

import type { SlabPool } from './memory/slab-pool.ts';
import type { RunTracing } from './open-tracing.ts';
import { createRunBatch } from './run-batch.ts';
import type { createWorkerMetrics } from './worker-metrics.ts';

type Parts = {
  readonly queue: Pick<QueueOperations, 'finish' | 'fail'>;
  readonly copies: CopyCount;
  readonly slabs: SlabPool;
  readonly observed: ReturnType<typeof createWorkerMetrics>;
  readonly ran: (run: { queue: string; jobs: number; rows: number; runMs: number }) => void;
  /** Jobs that failed because their run did. */
  readonly jobFailed: (queue: string, jobs: number) => void;
  readonly report: (error: unknown, sentence: string) => void;
  readonly traced: RunTracing['told'];
  readonly lockMs: number;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
};

export function openRunBatch(parts: Parts) {
  const { queue, copies, slabs, observed, ran, jobFailed, traced, report, lockMs, now, pause } = parts;
  return createRunBatch({
    finish(name, token, finished, statistics) {
      for (const { output } of finished) {
        copies.result.output += output.byteLength;
        copies.result.blob += output.byteLength;
      }
      const started = now();
      return queue.finish(name, token, finished, statistics).finally(() => observed.replied(name, now() - started));
    },
    async fail(name, token, failed) {
      const outcome = await queue.fail(name, token, failed);
      observed.failed(name, failed.length);
      jobFailed(name, failed.filter(({ code }) => code === 'model_error').length);
      return outcome;
    },
    acquire(bytes) {
      copies.request.slab += bytes;
      return slabs.acquire(bytes);
    },
    release: slabs.release,
    now,
    pause,
    lockMs,
    observe(run) {
      ran({ ...run, jobs: run.waitsMs.length });
      observed.batch(run);
      traced?.ran(run);
    },
    gaveUp: (run) => traced?.gaveUp(run),
    unwanted: observed.unwanted,
    report,
  });
}
