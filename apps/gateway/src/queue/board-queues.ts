/**
 * The queues as Bull Board sees them: BullMQ's own Queue objects, but jobs are read field by field, so that no tensor ever
 * travels to the board.
 */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { Job, Queue, type JobType } from 'bullmq';

import { queueBase } from '@batchyard/shared/contract/redis-keys';
import { connectCluster } from '@batchyard/shared/runtime/cluster';
import type { Redis } from '@batchyard/shared/runtime/redis';

const FIELDS =
  'name data opts timestamp delay priority processedOn finishedOn atm ats stc pb failedReason returnvalue'.split(' ');

type ReadFields = (key: string, fields: readonly string[]) => Promise<(string | null)[]>;

function jobOf(queue: Queue, id: string, values: readonly (string | null)[]): Job | undefined {
  const f = Object.fromEntries(FIELDS.map((name, i) => [name, values[i] ?? undefined]));
  if (f['timestamp'] === undefined) return undefined;
  const number = (name: string): number | undefined => (f[name] === undefined ? undefined : Number(f[name]));
  const job = new Job(
    queue,
    f['name'] ?? '',
    JSON.parse(f['data'] ?? '{}'),
    JSON.parse(f['opts'] ?? '{}') as object,
    id,
  );
  return Object.assign(job, {
    timestamp: number('timestamp'),
    delay: number('delay') ?? 0,
    priority: number('priority') ?? 0,
    processedOn: number('processedOn'),
    finishedOn: number('finishedOn'),
    attemptsMade: number('atm') ?? 0,
    attemptsStarted: number('ats') ?? 0,
    stalledCounter: number('stc') ?? 0,
    processedBy: f['pb'],
    failedReason: f['failedReason'],
    stacktrace: [],
    returnvalue: f['returnvalue'] === undefined ? null : (JSON.parse(f['returnvalue']) as unknown),
  });
}

/** Of an inference request names, datatypes and shapes stay. */
function hidden(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || !('inputs' in data) || !Array.isArray(data.inputs)) return data;
  const inputs = data.inputs.map((input: unknown) =>
    typeof input === 'object' && input !== null && 'data' in input ? { ...input, data: 'hidden' } : input,
  );
  return { ...data, inputs };
}

/** Bull Board wants a subclass of its adapter; only the two readers differ from BullMQ's. */
function adapterFor(queue: Queue, base: string, readOnlyMode: boolean, read: ReadFields): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, { readOnlyMode });
  // Other tools carry an inference request as a job's data: tensors are for nobody's eyes.
  adapter.setFormatter('data', hidden);
  const getJob = async (id: string): Promise<Job | undefined> => jobOf(queue, id, await read(base + id, FIELDS));
  const getJobs = async (states: readonly string[], start?: number, end?: number): Promise<Job[]> => {
    const ids = await queue.getRanges(states as JobType[], start, end, false);
    const jobs = await Promise.all(ids.map(getJob));
    return jobs.filter((job) => job !== undefined);
  };
  return Object.assign(adapter, { getJob, getJobs });
}

export type BoardQueues = {
  adapters(names: readonly string[]): BullMQAdapter[];
  /** BullMQ's own operations: workers take nothing from a paused queue, and go on when it is resumed. */
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  close(): Promise<void>;
};

export function createBoardQueues(
  { prefixOf, readOnly }: { readonly prefixOf: (queue: string) => string; readonly readOnly: boolean },
  { url, cluster }: { readonly url: string; readonly cluster: boolean },
  read: ReadFields,
): BoardQueues {
  const open = new Map<string, { queue: Queue; adapter: BullMQAdapter }>();
  // On a cluster they share one client, which connects with the first of them.
  let shared: Redis | undefined;
  const connection = () =>
    cluster ? (shared ??= connectCluster(url).setMaxListeners(0)) : { url, maxRetriesPerRequest: null };
  function opened(name: string): { queue: Queue; adapter: BullMQAdapter } {
    const known = open.get(name);
    if (known) return known;
    const prefix = prefixOf(name);
    const queue = new Queue(name, { prefix, connection: connection(), skipMetasUpdate: true });
    queue.on('error', () => undefined);
    const made = { queue, adapter: adapterFor(queue, queueBase(prefix, name), readOnly, read) };
    open.set(name, made);
    return made;
  }
  return {
    adapters: (names) => names.map((name) => opened(name).adapter),
    pause: (name) => opened(name).queue.pause(),
    resume: (name) => opened(name).queue.resume(),
    async close() {
      await Promise.all([...open.values()].map(({ queue }) => queue.close().catch(() => undefined)));
      shared?.disconnect();
    },
  };
}
