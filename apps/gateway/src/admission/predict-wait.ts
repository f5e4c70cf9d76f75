/**
 * How long a job that comes now will wait until its batch runs. Pure.
 *
 * The order of a take (see takeMany.lua) seen from one class: critical and high share by earliest virtual deadline, and
 * give a tenth away to normal and low; those get what is left, and at least a twentieth each.
 */
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';

import type { ClassCounts } from './backlog.ts';

/** A class that is crowded out still gets this share of every batch. */
const GUARANTEED = 0.05;

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
  const urgent = priority < 2;
  const ahead = sum(waiting.slice(0, urgent ? 2 : priority + 1));
  const given = urgent ? waiting.slice(2).filter((rows) => rows > 0).length * GUARANTEED : 0;
  // More urgent rows that arrive while it waits go first as well.
  const overtaking = sum(arrivals.slice(0, priority < 2 ? 0 : priority));
  const rate = Math.max(rowsPerMs * (1 - given) - overtaking, rowsPerMs * GUARANTEED);
  return ahead / rate;
}
