/**
 * How long a job that comes now will wait until its batch runs. Pure.
 *
 * The order of a take (see takeMany.lua) seen from one class: what is as urgent or more goes first, less the shares that
 * are owed to the classes below; a class that is crowded out gets at least its own share.
 */
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';

import type { ClassCounts } from './backlog.ts';

/** Share of every take that a class is owed while more urgent ones wait. */
const GUARANTEED = [0, 0.1, 1 / 16, 1 / 16] as const;

/** Rows per ms of all workers together at their best batch sizes; 0 where nothing is known. */
export function capacity(tables: readonly (readonly LatencyPoint[])[]): number {
  const best = (table: readonly LatencyPoint[]): number =>
    Math.max(0, ...table.filter((point) => point.p50_ms > 0).map((point) => point.rows / point.p50_ms));
  return tables.reduce((sum, table) => sum + best(table), 0);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * @param priority 0 = critical … 3 = low
 * @param rowsPerMs capacity of the workers
 * @returns ms; 0 where the capacity is not known
 */
export function predictWait(priority: number, waiting: ClassCounts, arrivals: ClassCounts, rowsPerMs: number): number {
  if (rowsPerMs <= 0) return 0;
  const ahead = sum(waiting.slice(0, priority + 1));
  const owed = sum(GUARANTEED.filter((_share, i) => i > priority && (waiting[i] ?? 0) > 0));
  // More urgent rows that arrive while it waits go first as well.
  const overtaking = sum(arrivals.slice(0, priority));
  const own = GUARANTEED[priority] ?? 0;
  const shared = ahead / Math.max(rowsPerMs * (1 - owed) - overtaking, rowsPerMs * 0.01);
  return own > 0 ? Math.min(shared, (waiting[priority] ?? 0) / (rowsPerMs * own)) : shared;
}
