/** Our side of a worker without a model: takes a batch, and finishes it while the next one is taken. */
import { createQueueOperations, type QueueOperations } from '@batchyard/queue/queue';
import type { Finished, TakenJob } from '@batchyard/queue/operations';
import { decodeTensorBlob, encodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';
import { shardPrefix } from '@batchyard/shared/contract/redis-keys';
import { connectRedis } from '@batchyard/shared/runtime/redis';

import { ownCpuMicros, serveParent, tellParent } from '../processes/serve-parent.ts';
import {
  CONSUMER_ROWS,
  OUTPUT_SHAPE,
  outputBytes,
  type LoadSettings,
  type TakeRest,
  type TakeSample,
  type WorkerSample,
} from './job-payload.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

const LOCK_MS = 30_000;
const WAIT_MS = 200;
/** Several consumers are several workers. */
const TOKEN = `bench-worker-${process.pid}:1`;

let operations: QueueOperations;
let queue = '';
let finished = 0;
let takes = 0;
let batches = 0;
let busyMs = 0;
let rest: TakeRest | undefined;

function finish(job: TakenJob, rows: number): Finished {
  const input = decodeTensorBlob(job.input ?? Buffer.alloc(0)).tensors[0];
  if (!input) throw new Error('a job without its tensor');
  const output = { position: 0, datatype: 'FP32', shape: OUTPUT_SHAPE, data: outputBytes(input.data) } as const;
  const receipt = {
    rows: job.rows,
    batch_rows: rows,
    batch: '1',
    worker: 'bench-worker',
    reason: 'full',
    run_ms: 1,
    predicted_ms: 1,
  };
  return {
    id: job.id,
    output: encodeTensorBlob({ tensors: [output], requested: [] }),
    receipt: JSON.stringify(receipt),
  };
}

async function finishBatch(jobs: readonly TakenJob[], sinceMs: number): Promise<void> {
  const statistics = { rows: jobs.length, queueNs: 1000, inputNs: 1000, inferNs: 1000, outputNs: 1000 };
  const results = jobs.map((job) => finish(job, jobs.length));
  const outcomes = await operations.finish(queue, TOKEN, results, statistics);
  const bad = outcomes.find((outcome) => outcome !== 'finished');
  if (bad) throw new Error(`a job was not finished: ${bad}`);
  finished += jobs.length;
  busyMs += performance.now() - sinceMs;
  tellParent(jobs.length);
}

async function consume(): Promise<void> {
  let finishing: Promise<void> = Promise.resolve();
  for (let batch = 1; ; batch += 1) {
    const sinceMs = performance.now();
    const request = { token: TOKEN, batch, maxRows: CONSUMER_ROWS, lockMs: LOCK_MS, ...rest };
    const taken = await operations.take(queue, request);
    takes += 1;
    await finishing;
    if (taken.kind === 'jobs') {
      batches += 1;
      finishing = finishBatch(taken.jobs, sinceMs);
    } else if (taken.kind === 'later') await pause(taken.inMs);
    // Who rests is woken by no marker.
    else if (rest) await pause(rest.restMs);
    else await operations.waitForWork([queue], WAIT_MS);
  }
}

const handlers = {
  prepare: async (settings: LoadSettings & { queue: string }) => {
    const commands = connectRedis(settings.redisUrl, 'commands', { commandTimeout: 10_000 });
    const blocking = connectRedis(settings.redisUrl, 'blocking');
    await Promise.all([commands.connect(), blocking.connect()]);
    const resultTtlMs = settings.keepS * 1000;
    operations = createQueueOperations({ commands, blocking, prefix: shardPrefix(0), resultTtlMs });
    queue = settings.queue;
    void consume();
  },
  sample: async (): Promise<WorkerSample> => ({ jobs: finished, takes, batches, busyMs, cpuMicros: ownCpuMicros() }),
  rest: async (next: TakeRest | undefined) => void (rest = next),
};
/** What both systems' consumers have. */
export type ConsumerHandlers = Pick<typeof handlers, 'prepare'> & { readonly sample: () => Promise<TakeSample> };
export type SteeredHandlers = typeof handlers;

serveParent(handlers);
