/**
 * Jobs of a queue page by page, without their tensors. A cursor names the last job that was seen with its score, so that
 * jobs that come or go between two pages move nothing: none is shown twice, and none that stayed is left out.
 */
import { queueBase } from '@batchyard/shared/contract/redis-keys';

import { VIEW_FIELDS, viewOf } from './inspection.ts';
import type { JobView } from './operations.ts';
import type { QueueSettings } from './settings.ts';

export const LISTED_STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
export type ListedState = (typeof LISTED_STATES)[number];

export type Page = {
  readonly jobs: readonly JobView[];
  /** Of the next page; undefined at the end. */
  readonly cursor: string | undefined;
};

export type Listing = {
  /**
   * Waiting and delayed jobs in their order, ended ones the latest first, and active ones as they were taken.
   * @param cursor of an earlier page; what cannot be one begins anew
   */
  jobsIn(queue: string, state: ListedState, page: { limit: number; cursor?: string | undefined }): Promise<Page>;
  /** Those of them that are there, in this order. */
  views(queue: string, ids: readonly string[]): Promise<JobView[]>;
  /** Jobs that ended or run in the same batch as this one, itself left out; of those that are kept. */
  batchMates(queue: string, job: JobView): Promise<JobView[]>;
};

/** Jobs of one batch end together: they stand close to each other. */
const NEAR = 128;
const CURSOR = /^(\d{1,20}(?:\.\d{1,6})?)_([^\s]{1,128})$/;

const SETS: Readonly<Record<Exclude<ListedState, 'active'>, { name: string; latestFirst: boolean }>> = {
  waiting: { name: 'prioritized', latestFirst: false },
  delayed: { name: 'delayed', latestFirst: false },
  completed: { name: 'completed', latestFirst: true },
  failed: { name: 'failed', latestFirst: true },
};

const batchOf = ({ receipt }: JobView): string | undefined =>
  receipt === undefined ? undefined : (JSON.parse(receipt) as { batch?: string }).batch;

export function createListing({ commands, prefix }: QueueSettings): Listing {
  async function views(base: string, ids: readonly string[]): Promise<JobView[]> {
    const pipeline = commands.pipeline();
    for (const id of ids) pipeline.hmget(base + id, ...VIEW_FIELDS);
    const rows = (await pipeline.exec()) ?? [];
    return ids.flatMap((id, i) => viewOf(id, (rows[i]?.[1] ?? []) as (string | null)[]) ?? []);
  }

  async function rankAfter(key: string, latestFirst: boolean, cursor: string | undefined): Promise<number> {
    const [, score, id] = CURSOR.exec(cursor ?? '') ?? [];
    if (score === undefined || id === undefined) return 0;
    const rank = latestFirst ? await commands.zrevrank(key, id) : await commands.zrank(key, id);
    if (rank !== null) return rank + 1;
    return latestFirst ? commands.zcount(key, `(${score}`, '+inf') : commands.zcount(key, '-inf', score);
  }

  async function active(base: string, { limit, cursor }: { limit: number; cursor?: string | undefined }) {
    const from = Number(/^\d{1,9}$/.exec(cursor ?? '')?.[0] ?? 0);
    const ids = await commands.lrange(`${base}active`, from, from + limit - 1);
    return { jobs: await views(base, ids), cursor: ids.length === limit ? String(from + limit) : undefined };
  }

  return {
    views: (queue, ids) => views(queueBase(prefix, queue), ids),
    async jobsIn(queue, state, page) {
      const base = queueBase(prefix, queue);
      if (state === 'active') return active(base, page);
      const { name, latestFirst } = SETS[state];
      const key = base + name;
      const from = await rankAfter(key, latestFirst, page.cursor);
      const range = [String(from), String(from + page.limit - 1)] as const;
      const found = latestFirst
        ? await commands.zrevrange(key, ...range, 'WITHSCORES')
        : await commands.zrange(key, ...range, 'WITHSCORES');
      const ids = found.filter((_, i) => i % 2 === 0);
      const [last, score] = found.slice(-2);
      const more = ids.length === page.limit && last !== undefined;
      return { jobs: await views(base, ids), cursor: more ? `${score}_${last}` : undefined };
    },
    async batchMates(queue, job) {
      const base = queueBase(prefix, queue);
      if (job.status === 'running' && job.batch !== undefined) {
        const ids = await commands.lrange(`${base}active`, 0, 4 * NEAR - 1);
        const all = await views(base, ids);
        return all.filter((one) => one.id !== job.id && one.batch === job.batch && one.worker === job.worker);
      }
      const batch = batchOf(job);
      const rank = batch === undefined ? null : await commands.zrank(`${base}completed`, job.id);
      if (rank === null) return [];
      const ids = await commands.zrange(`${base}completed`, String(Math.max(0, rank - NEAR)), String(rank + NEAR));
      return (await views(base, ids)).filter((one) => one.id !== job.id && batchOf(one) === batch);
    },
  };
}
