/** The load generator in a thread of its own: told a step, it sends its share and tells what became of each request. */
import { parentPort } from 'node:worker_threads';

import {
  packOutcomes,
  type FromGenerator,
  type SentOutcome,
  type Task,
  type ToGenerator,
} from './generator-message.ts';
import { sendStep, type Sending } from './send-step.ts';

const TELL_EVERY_MS = 200;

const port = parentPort;
if (!port) throw new Error('this file runs in a thread');
const tell = (message: FromGenerator): void => port.postMessage(message);

let sending: Sending | undefined;

async function run(task: Task): Promise<void> {
  let outcomes: SentOutcome[] = [];
  const before = performance.eventLoopUtilization();
  const own = sendStep(task, task.startAt - performance.timeOrigin, (outcome) => outcomes.push(outcome));
  sending = own;
  let connections = 0;
  const flush = (): void => {
    connections = Math.max(connections, own.client.connections());
    const batch = packOutcomes(outcomes);
    outcomes = [];
    tell({ kind: 'outcomes', batch, open: own.client.open(), unsent: own.client.unsent(), connections });
  };
  const timer = setInterval(flush, TELL_EVERY_MS);
  try {
    await own.ended;
  } finally {
    clearInterval(timer);
  }
  flush();
  tell({ kind: 'done', busy: performance.eventLoopUtilization(before).utilization, connections });
}

port.on('message', (message: ToGenerator) => {
  if (message.kind === 'stop') sending?.stop();
  else
    run(message.task).catch((error: unknown) =>
      tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
});
