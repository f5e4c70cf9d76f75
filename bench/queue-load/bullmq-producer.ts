/** BullMQ's own way in: addBulk with the tensor as base64 in `data`, finished jobs removed by age. */
import { Queue } from 'bullmq';

import { ownCpuMicros, serveParent } from '../processes/serve-parent.ts';
import { createAddLoop, type AddLoop } from './add-loop.ts';
import { INPUT_SHAPE, inputBytes, type Sample } from './job-payload.ts';
import type { ProducerHandlers } from './batchyard-producer.ts';

let loop: AddLoop;

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

const handlers: ProducerHandlers = {
  prepare: async (settings) => {
    const queue = new Queue(settings.queue, { connection: { url: settings.redisUrl } });
    queue.on('error', (error) => console.error(error.message));
    await queue.waitUntilReady();
    const opts = { removeOnComplete: { age: settings.keepS }, removeOnFail: { age: settings.keepS } };
    loop = createAddLoop(settings.window, async (first, jobs) => {
      const group = Array.from({ length: jobs }, (_, i) => ({
        name: 'infer',
        data: { shape: INPUT_SHAPE, tensor: base64(inputBytes(first + i)) },
        opts,
      }));
      await queue.addBulk(group);
    });
  },
  start: async () => loop.start(),
  credit: async (jobs) => loop.credit(jobs),
  stop: async () => {
    await loop.stop();
    return loop.added();
  },
  sample: async (): Promise<Sample> => ({ jobs: loop.added(), cpuMicros: ownCpuMicros() }),
};

serveParent(handlers);
