/**
 * The textbook design, back half: a BullMQ Worker that runs the session once for each job.
 *
 * argv: Redis URL, queue, model file   Tells its parent when it serves.
 */
import { Worker } from 'bullmq';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [redisUrl, queue, file] = process.argv.slice(2);
/** Jobs in hand at once: their runs follow one another, but reading and finishing overlap. */
const CONCURRENCY = 64;

// One thread: on few cores more of them only take time from the server and Redis.
const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const worker = new Worker(
  queue,
  async (job) => {
    const bytes = Buffer.from(job.data.tensor, 'base64');
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const { OUTPUT } = await session.run({ INPUT: new Tensor('float32', values, job.data.shape) });
    return { shape: OUTPUT.dims, data: Array.from(OUTPUT.data) };
  },
  { connection: { url: redisUrl }, concurrency: CONCURRENCY },
);
worker.on('error', (error) => console.error(error.message));
await worker.waitUntilReady();

process.send({ serving: true });
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
