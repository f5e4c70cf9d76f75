/** Reading: one job, one queue, the registry, the workers. No script: each is one command or one pipeline. */
import { parseFailedReason } from '@batchyard/shared/contract/failure';
import { heartbeatSchema, type Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { classOfPriority, PRIORITY_CLASSES, type JobStatus, type PriorityClass } from '@batchyard/shared/contract/job';
import { modelSchema, type Model } from '@batchyard/shared/contract/model';
import { extraBase, queueBase, queuesKey, workerKey, workersKey } from '@batchyard/shared/contract/redis-keys';

import type { JobView } from './operations.ts';
import type { QueueSettings } from './settings.ts';

export type QueueCounts = {
  /** Waiting, also while paused. */
  readonly depth: number;
  readonly byClass: Readonly<Record<PriorityClass, number>>;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
  readonly paused: boolean;
  /** Age of the oldest waiting job of each class, ms; 0 when none waits. */
  readonly oldestMs: Readonly<Record<PriorityClass, number>>;
  /** Jobs taken since the queue exists, by how their wait compared with the SLA of their class. */
  readonly sla: Readonly<Record<PriorityClass, SlaCounts>>;
};

/** at_risk: over 80 % of the SLA, but within it. */
export type SlaCounts = { readonly met: number; readonly at_risk: number; readonly violated: number };

export type Inspection = {
  /** One job without its tensors; undefined when there is none. */
  view(queue: string, id: string): Promise<JobView | undefined>;
  /** The result blob of a succeeded job. */
  output(queue: string, id: string): Promise<Buffer | undefined>;
  /** Jobs of the same and more urgent classes ahead of it; undefined when it does not wait. */
  position(queue: string, id: string): Promise<number | undefined>;
  /** True while the tombstone of a removed result is kept. */
  wasRemoved(queue: string, id: string): Promise<boolean>;
  counts(queue: string): Promise<QueueCounts>;
  statistics(queue: string): Promise<Readonly<Record<string, number>>>;
  /** What admission and probes want to know of Redis itself. `memoryShare` is 0 where maxmemory is not set. */
  redisState(): Promise<{ memoryShare: number; appendOnly: boolean; evicts: boolean; version: string }>;
  /** Every model any worker has announced. */
  models(): Promise<Model[]>;
  /** Workers heard of in the last minute, and how long ago by Redis' clock. */
  workers(): Promise<{ heartbeat: Heartbeat; silentMs: number }[]>;
};

const FIELDS = 'kd priority rw tn timestamp q dl processedOn finishedOn ats atm pb returnvalue failedReason cx'.split(
  ' ',
);
const number = (text: string | null | undefined): number | undefined => (text ? Number(text) : undefined);

function viewOf(id: string, values: readonly (string | null)[]): JobView | undefined {
  const f = Object.fromEntries(FIELDS.map((name, i) => [name, values[i] ?? undefined]));
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
    submittedMs: number(f['timestamp']) ?? 0,
    queuedMs: number(f['q']) ?? number(f['timestamp']) ?? 0,
    deadlineMs: number(f['dl']) ?? 0,
    startedMs: number(f['processedOn']),
    finishedMs: number(f['finishedOn']),
    deliveries: number(f['ats']) ?? 0,
    attempts: number(f['atm']) ?? 0,
    worker: f['pb']?.slice(0, f['pb'].lastIndexOf(':')),
    receipt: f['returnvalue'],
    failure,
  };
}

const CLASS_SPAN = 2 ** 32;

export function createInspection({ commands, prefix }: QueueSettings): Inspection {
  async function counts(queue: string): Promise<QueueCounts> {
    const base = queueBase(prefix, queue);
    const pipeline = commands.pipeline();
    pipeline.hexists(`${base}meta`, 'paused').llen(`${base}wait`).llen(`${base}active`).zcard(`${base}delayed`);
    pipeline.zcard(`${base}completed`).zcard(`${base}failed`).time();
    for (const [i] of PRIORITY_CLASSES.entries()) {
      const min = String((i + 1) * CLASS_SPAN);
      const max = i === 3 ? '+inf' : `(${(i + 2) * CLASS_SPAN}`;
      pipeline
        .zcount(`${base}prioritized`, min, max)
        .zrange(`${base}prioritized`, min, max, 'BYSCORE', 'LIMIT', '0', '1');
    }
    const replies = ((await pipeline.exec()) ?? []).map(([error, value]) => {
      if (error) throw error;
      return value;
    });
    const [paused, wait, active, delayed, completed, failed, time] = replies as [
      number,
      number,
      number,
      number,
      number,
      number,
      [number, number],
    ];
    const nowMs = Number(time[0]) * 1000 + Number(time[1]) / 1000;
    const counters = PRIORITY_CLASSES.flatMap((_name, i) => [`met${i + 1}`, `risk${i + 1}`, `late${i + 1}`]);
    const [counted, ...ages] = await Promise.all([
      commands.hmget(`${extraBase(prefix, queue)}stats`, ...counters),
      ...PRIORITY_CLASSES.map(async (_name, i) => {
        const head = (replies[8 + 2 * i] as string[])[0];
        const entered = head === undefined ? null : await commands.hget(base + head, 'q');
        return entered === null ? 0 : Math.max(0, nowMs - Number(entered));
      }),
    ]);
    const forClass = <T>(value: (i: number) => T): Record<PriorityClass, T> =>
      Object.fromEntries(PRIORITY_CLASSES.map((name, i) => [name, value(i)])) as Record<PriorityClass, T>;
    const counter = (at: number): number => Number(counted[at] ?? 0);
    const byClass = forClass((i) => replies[7 + 2 * i] as number);
    byClass.normal += wait;
    const depth = PRIORITY_CLASSES.reduce((sum, name) => sum + byClass[name], 0);
    return {
      depth,
      byClass,
      active,
      delayed,
      completed,
      failed,
      paused: paused === 1,
      oldestMs: forClass((i) => ages[i] ?? 0),
      sla: forClass((i) => ({
        met: counter(3 * i),
        at_risk: counter(3 * i + 1),
        violated: counter(3 * i + 2),
      })),
    };
  }

  return {
    counts,
    async view(queue, id) {
      return viewOf(id, await commands.hmget(queueBase(prefix, queue) + id, ...FIELDS));
    },
    async output(queue, id) {
      return (await commands.hgetBuffer(queueBase(prefix, queue) + id, 'out')) ?? undefined;
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
    async redisState() {
      const info = await commands.info();
      const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
      const [used, max] = [Number(field('used_memory')), Number(field('maxmemory'))];
      return {
        memoryShare: max > 0 ? used / max : 0,
        appendOnly: field('aof_enabled') === '1',
        evicts: !['', 'noeviction'].includes(field('maxmemory_policy')),
        version: field('redis_version'),
      };
    },
    async models() {
      const raw = await commands.hvals(queuesKey(prefix));
      return raw.map((text) => modelSchema.parse(JSON.parse(text)));
    },
    async workers() {
      const ids = await commands.zrange(workersKey(prefix), '0', '-1');
      const [time, ...found] = await Promise.all([
        commands.time(),
        ...ids.map((id) => commands.hmget(workerKey(prefix, id), 'state', 'beat')),
      ]);
      const nowMs = Number(time[0]) * 1000 + Number(time[1]) / 1000;
      return found.flatMap(([state, beat]) =>
        state && beat
          ? [{ heartbeat: heartbeatSchema.parse(JSON.parse(state)), silentMs: Math.max(0, nowMs - Number(beat)) }]
          : [],
      );
    },
  };
}
