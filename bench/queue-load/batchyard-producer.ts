/** Our side of a gateway: addMany, and for attached jobs the replies on its stream. */
import type { NewJob } from '@batchyard/queue/operations';
import { createQueueOperations, type QueueOperations } from '@batchyard/queue/queue';
import { countedBytes } from '@batchyard/queue/replies';
import { encodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';
import { shardPrefix } from '@batchyard/shared/contract/redis-keys';
import { connectRedis } from '@batchyard/shared/runtime/redis';

import { ownCpuMicros, serveParent } from '../processes/serve-parent.ts';
import { createAddLoop, type AddLoop } from './add-loop.ts';
import { INPUT_SHAPE, inputBytes, type LoadSettings, type Sample } from './job-payload.ts';

const SWEEP_MS = 1_000;
const READ_MS = 500;
const KEEP_ALIVE_MS = 10_000;
/** Longer than the deepest queue takes to run. */
const DEADLINE_MS = 120_000;

let operations: QueueOperations;
let queue = '';
let kind: 'attached' | 'durable' = 'durable';
let gateway = '';
let maxWaiting: number | undefined;
let loop: AddLoop;
let replied = 0;

function newJob(number: number): NewJob {
  const tensor = { position: 0, datatype: 'FP32', shape: INPUT_SHAPE, data: inputBytes(number) } as const;
  return {
    id: `benchqu-${number.toString(36).padStart(20, '0')}`,
    kind,
    priority: 'normal',
    remainingMs: DEADLINE_MS,
    rows: 1,
    group: '-',
    gateway,
    tenant: '-',
    signature: '0123456789abcdef',
    input: encodeTensorBlob({ tensors: [tensor], requested: [] }),
  };
}

async function addJobs(first: number, jobs: number): Promise<void> {
  let group = Array.from({ length: jobs }, (_, i) => newJob(first + i));
  while (group.length > 0) {
    const outcomes = await operations.addMany(queue, group, maxWaiting === undefined ? {} : { maxWaiting });
    const bad = outcomes.find((outcome) => outcome !== 'added' && outcome !== 'stale');
    if (bad) throw new Error(`a job was not added: ${bad}`);
    // On a machine with other load a call may lie in its socket for a second: nothing of it was stored.
    group = group.filter((_, i) => outcomes[i] === 'stale');
  }
}

async function readReplies(): Promise<void> {
  let lastId = await operations.replies.open(gateway);
  setInterval(() => void operations.replies.keepAlive(gateway), KEEP_ALIVE_MS);
  for (;;) {
    const found = await operations.replies.read(gateway, lastId, READ_MS);
    if (found.replies.length === 0) continue;
    lastId = found.lastId;
    const failed = found.replies.find(({ outcome }) => outcome === 'failed');
    if (failed) throw new Error(`a job failed: ${failed.text}`);
    replied += found.replies.length;
    loop.credit(found.replies.length);
    await operations.replies.trim(gateway, lastId, countedBytes(found.replies));
  }
}

const handlers = {
  prepare: async (settings: LoadSettings & { queue: string }) => {
    const commands = connectRedis(settings.redisUrl, 'commands', { commandTimeout: 10_000 });
    const blocking = connectRedis(settings.redisUrl, 'blocking');
    await Promise.all([commands.connect(), blocking.connect()]);
    const prefix = shardPrefix(0);
    operations = createQueueOperations({ commands, blocking, prefix, resultTtlMs: settings.keepS * 1000 });
    queue = settings.queue;
    kind = settings.kind === 'attached' ? 'attached' : 'durable';
    gateway = kind === 'attached' ? 'bench' : '';
    maxWaiting = settings.maxWaiting;
    loop = createAddLoop(settings.window, addJobs);
    if (kind === 'attached') void readReplies();
    else setInterval(() => void operations.sweep(queue), SWEEP_MS);
  },
  start: async () => loop.start(),
  credit: async (jobs: number) => loop.credit(jobs),
  stop: async () => {
    await loop.stop();
    return loop.added();
  },
  sample: async (): Promise<Sample> => ({ jobs: replied, cpuMicros: ownCpuMicros() }),
};
export type ProducerHandlers = typeof handlers;

serveParent(handlers);
