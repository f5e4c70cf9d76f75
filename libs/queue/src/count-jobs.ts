/** One look at a queue: how many jobs are in which state and class, how old the oldest are, how waits met their SLA. */
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';
import { extraBase, queueBase } from '@batchyard/shared/contract/redis-keys';

import type { QueueSettings } from './settings.ts';

export type QueueCounts = {
  /** Waiting, also while paused. */
  readonly depth: number;
  readonly byClass: Readonly<Record<PriorityClass, number>>;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
  /** Jobs whose deadline passed before they ran, since the queue exists. */
  readonly expired: number;
  readonly paused: boolean;
  /** Age of the oldest waiting job of each class, ms; 0 when none waits. */
  readonly oldestMs: Readonly<Record<PriorityClass, number>>;
  /** Jobs taken since the queue exists, by how their wait compared with the SLA of their class. */
  readonly sla: Readonly<Record<PriorityClass, SlaCounts>>;
};

/** at_risk: over 80 % of the SLA, but within it. */
export type SlaCounts = { readonly met: number; readonly at_risk: number; readonly violated: number };

const CLASS_SPAN = 2 ** 32;

export async function countJobs({ commands, prefix }: QueueSettings, queue: string): Promise<QueueCounts> {
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
  const counters = PRIORITY_CLASSES.flatMap((_name, i) => [`met${i + 1}`, `risk${i + 1}`, `late${i + 1}`]).concat(
    'exp',
  );
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
    expired: counter(3 * PRIORITY_CLASSES.length),
    paused: paused === 1,
    oldestMs: forClass((i) => ages[i] ?? 0),
    sla: forClass((i) => ({
      met: counter(3 * i),
      at_risk: counter(3 * i + 1),
      violated: counter(3 * i + 2),
    })),
  };
}
