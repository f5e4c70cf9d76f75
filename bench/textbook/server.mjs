/**
 * The textbook design, front half: Express takes the request, adds a BullMQ job and waits until it is finished.
 * Written as its documentation shows it, and tuned where that is free: the tensor travels as base64, which is cheaper
 * than an array of numbers, and finished jobs are removed.
 *
 * argv: Redis URL, queue   Tells its parent the port.
 */
import { Queue, QueueEvents } from 'bullmq';
import express from 'express';

const [redisUrl, name] = process.argv.slice(2);
const TIMEOUT_MS = 30_000;

const queue = new Queue(name, { connection: { url: redisUrl } });
const events = new QueueEvents(name, { connection: { url: redisUrl } });
for (const part of [queue, events]) {
  part.on('error', (error) => console.error(error.message));
  // Each waiting request listens on both for its job.
  part.setMaxListeners(0);
}
await events.waitUntilReady();

async function infer(request, response) {
  const [input] = request.body.inputs;
  const bytes = Buffer.from(Float32Array.from(input.data).buffer);
  const job = await queue.add(
    'infer',
    { shape: input.shape, tensor: bytes.toString('base64') },
    { removeOnComplete: { count: 1000 }, removeOnFail: { count: 1000 } },
  );
  const { shape, data } = await job.waitUntilFinished(events, TIMEOUT_MS);
  response.json({
    model_name: name,
    model_version: '1',
    outputs: [{ name: 'OUTPUT', datatype: 'FP32', shape, data }],
  });
}

const app = express();
app.use(express.json({ limit: '8mb' }));
app.post(`/v2/models/${name}/infer`, (request, response) => {
  infer(request, response).catch((error) => response.status(503).json({ error: error.message }));
});
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
server.keepAliveTimeout = 60_000;
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
