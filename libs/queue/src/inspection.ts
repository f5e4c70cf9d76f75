/** Reading: one job, one queue, the registry, the workers, Redis itself. No script: each is one command or one pipeline. */
import { parseFailedReason } from '@batchyard/shared/contract/failure';
import { createCopyCount } from '@batchyard/shared/contract/memory';
import { heartbeatSchema, type Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { classOfPriority, type JobStatus } from '@batchyard/shared/contract/job';
import { modelSchema, type Model } from '@batchyard/shared/contract/model';
import { extraBase, queueBase, queuesKey, workerKey, workersKey } from '@batchyard/shared/contract/redis-keys';

import { copiedByReply } from './copied.ts';
import { countJobs, type QueueCounts } from './count-jobs.ts';
import type { JobView } from './operations.ts';
import { createRedisFigures, type RedisFigures } from './redis-figures.ts';
import type { QueueSettings } from './settings.ts';

export type Inspection = RedisFigures & {
  /** One job without its tensors; undefined when there is none. */
  view(queue: string, id: string): Promise<JobView | undefined>;
  /** The input blob, while the job keeps one. */
  input(queue: string, id: string): Promise<Buffer | undefined>;
  /** The result blob of a succeeded job. */
  output(queue: string, id: string): Promise<Buffer | undefined>;
  /** Jobs of the same and more urgent classes ahead of it; undefined when it does not wait. */
  position(queue: string, id: string): Promise<number | undefined>;
  /** True while the tombstone of a removed result is kept. */
  wasRemoved(queue: string, id: string): Promise<boolean>;
  counts(queue: string): Promise<QueueCounts>;
  statistics(queue: string): Promise<Readonly<Record<string, number>>>;
  /** Every model any worker has announced. */
  models(): Promise<Model[]>;
  /** Workers heard of in the last minute, and how long ago by Redis' clock. */
  workers(): Promise<{ heartbeat: Heartbeat; silentMs: number }[]>;
};

/** Of a job's hash, all that `viewOf` reads. */
export const VIEW_FIELDS =
  'kd priority rw tn timestamp q dl processedOn finishedOn ats atm pb bt stc returnvalue failedReason cx tg'.split(' ');
const number = (text: string | null | undefined): number | undefined => (text ? Number(text) : undefined);

export function viewOf(id: string, values: readonly (string | null)[]): JobView | undefined {
  const f = Object.fromEntries(VIEW_FIELDS.map((name, i) => [name, values[i] ?? undefined]));
  if (f['priority'] === undefined) return undefined;
  const failure = f['finishedOn'] && f['failedReason'] ? parseFailedReason(f['failedReason']) : undefined;
  const status = ((): JobStatus => {
    if (f['finishedOn']) {
      if (!failure) return 'succeeded';
      return failure.code === 'cancelled' || failure.code === 'expired' ? failure.code : 'failed';
    }
    return f['processedOn'] ? 'running' : 'queued';
  })();
  return {
    id,
    status,
    kind: f['kd'] === 'a' ? 'attached' : 'durable',
    priority: classOfPriority(Number(f['priority'])),
    rows: number(f['rw']) ?? 1,
    tenant: f['tn'] ?? '-',
    tags: f['tg'],
    submittedMs: number(f['timestamp']) ?? 0,
    queuedMs: number(f['q']) ?? number(f['timestamp']) ?? 0,
    deadlineMs: number(f['dl']) ?? 0,
    startedMs: number(f['processedOn']),
    finishedMs: number(f['finishedOn']),
    deliveries: number(f['ats']) ?? 0,
    attempts: number(f['atm']) ?? 0,
    worker: f['pb']?.slice(0, f['pb'].lastIndexOf(':')),
    batch: number(f['bt']),
    deaths: number(f['stc']) ?? 0,
    receipt: f['returnvalue'],
    failure,
  };
}

export function createInspection(settings: QueueSettings): Inspection {
  const { commands, prefix } = settings;
  const { result } = settings.copies ?? createCopyCount();
  return {
    ...createRedisFigures(settings),
    counts: (queue) => countJobs(settings, queue),
    async view(queue, id) {
      return viewOf(id, await commands.hmget(queueBase(prefix, queue) + id, ...VIEW_FIELDS));
    },
    async input(queue, id) {
      return (await commands.hgetBuffer(queueBase(prefix, queue) + id, 'in')) ?? undefined;
    },
    async output(queue, id) {
      const output = (await commands.hgetBuffer(queueBase(prefix, queue) + id, 'out')) ?? undefined;
      result.bytes += output?.byteLength ?? 0;
      result.redis += copiedByReply(output);
      return output;
    },
    async position(queue, id) {
      return (await commands.zrank(`${queueBase(prefix, queue)}prioritized`, id)) ?? undefined;
    },
    async wasRemoved(queue, id) {
      return (await commands.zscore(`${extraBase(prefix, queue)}tombs`, id)) !== null;
    },
    async statistics(queue) {
      const raw = await commands.hgetall(`${extraBase(prefix, queue)}stats`);
      return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, Number(value)]));
    },
    async models() {
      const raw = await commands.hvals(queuesKey(prefix));
      return raw.map((text) => modelSchema.parse(JSON.parse(text)));
    },
    async workers() {
      const ids = await commands.zrange(workersKey(prefix), '0', '-1');
      const asked = commands.pipeline().time();
      for (const id of ids) asked.hmget(workerKey(prefix, id), 'state', 'beat');
      const [time = [], ...found] = ((await asked.exec()) ?? []).map(([error, value]) => {
        if (error) throw error;
        return value as (string | null)[];
      });
      const nowMs = Number(time[0]) * 1000 + Number(time[1]) / 1000;
      return found.flatMap(([state, beat]) =>
        state && beat
          ? [{ heartbeat: heartbeatSchema.parse(JSON.parse(state)), silentMs: Math.max(0, nowMs - Number(beat)) }]
          : [],
      );
    },
  };
}
