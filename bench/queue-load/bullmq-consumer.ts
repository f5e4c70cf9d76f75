/** BullMQ's own way out: a Worker with 64 jobs in hand that decodes the tensor and returns ten floats as base64. */
import { Worker } from 'bullmq';

import { ownCpuMicros, serveParent, tellParent } from '../processes/serve-parent.ts';
import { CONSUMER_ROWS, OUTPUT_SHAPE, outputBytes, type TakeSample } from './job-payload.ts';
import type { ConsumerHandlers } from './batchyard-consumer.ts';

/** Told in groups, as our consumer tells them. */
const TELL_EVERY = CONSUMER_ROWS;

let finished = 0;

const handlers: ConsumerHandlers = {
  prepare: async (settings) => {
    const worker = new Worker<{ tensor: string }>(
      settings.queue,
      async (job) => {
        const input = Buffer.from(job.data.tensor, 'base64');
        const output = Buffer.from(outputBytes(input));
        return { shape: OUTPUT_SHAPE, tensor: output.toString('base64') };
      },
      { connection: { url: settings.redisUrl }, concurrency: CONSUMER_ROWS },
    );
    worker.on('error', (error) => console.error(error.message));
    worker.on('completed', () => {
      finished += 1;
      if (finished % TELL_EVERY === 0) tellParent(TELL_EVERY);
    });
    await worker.waitUntilReady();
  },
  sample: async (): Promise<TakeSample> => ({
    jobs: finished,
    cpuMicros: ownCpuMicros(),
    takes: finished,
    batches: finished,
  }),
};

serveParent(handlers);
