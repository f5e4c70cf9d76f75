/**
 * The durable jobs of a tenant, the latest first, over several queues. Each queue has an index of its own, written by the
 * step that stores a job and by the one that lets it go; a page names the last entry that it looked at, so that jobs that
 * come or go between two pages move nothing.
 */
import { jobIndexKey } from '@batchyard/shared/contract/redis-keys';

import type { QueueSettings } from './settings.ts';

export type IndexedJob = { readonly queue: string; readonly id: string; readonly submittedMs: number };

/** Where a page ended. */
export type IndexPlace = { readonly submittedMs: number; readonly id: string };

export type JobIndex = {
  /** @param page `after`: the entry that the last page ended with; `sinceMs`: no job that was submitted earlier */
  indexed(
    tenant: string,
    queues: readonly string[],
    page: { readonly limit: number; readonly after?: IndexPlace | undefined; readonly sinceMs?: number | undefined },
  ): Promise<IndexedJob[]>;
};

/** As the scripts write it: 13 digits until the year 2286. */
const DIGITS = 13;
const moment = (ms: number): string => String(Math.max(0, Math.floor(ms))).padStart(DIGITS, '0');

/** Orders jobs the latest first. */
export const laterJob = (a: IndexedJob, b: IndexedJob): number =>
  b.submittedMs - a.submittedMs || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

function entryOf(queue: string, member: string): IndexedJob {
  const [, submitted = '0', id = ''] = member.split(' ');
  return { queue, id, submittedMs: Number(submitted) };
}

export function createJobIndex({ commands, prefix }: QueueSettings): JobIndex {
  return {
    async indexed(tenant, queues, { limit, after, sinceMs = 0 }) {
      // ':' follows '9', so this is behind every member of the tenant.
      const max = after ? `(${tenant} ${moment(after.submittedMs)} ${after.id}` : `(${tenant} :`;
      const min = `[${tenant} ${moment(sinceMs)}`;
      const pipeline = commands.pipeline();
      for (const queue of queues) pipeline.zrevrangebylex(jobIndexKey(prefix, queue), max, min, 'LIMIT', 0, limit);
      const found = (await pipeline.exec()) ?? [];
      const entries = queues.flatMap((queue, i) => {
        const [error, members] = found[i] ?? [];
        if (error) throw error;
        return (members as string[]).map((member) => entryOf(queue, member));
      });
      return entries.toSorted(laterJob).slice(0, limit);
    },
  };
}
