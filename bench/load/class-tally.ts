/** What became of the requests of one class. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

import type { Outcome } from '@batchyard/loadtest/send/client';

/** Times in ms from when the request was due; NaN of nothing. */
export type Percentiles = { readonly p50: number; readonly p99: number };

export type ClassResult = {
  readonly name: string;
  readonly offered: number;
  /** Answered with 200 within its deadline, and of those what came before the load ended. */
  readonly inTime: number;
  readonly inTimeDuringLoad: number;
  /** Answered with 200 later than that. */
  readonly late: number;
  /** Told to come back later, without having waited for its turn. */
  readonly refused: number;
  /** Admitted, and told that the deadline has passed. */
  readonly expired: number;
  /** How often each other outcome was seen. */
  readonly failures: Readonly<Record<string, number>>;
  /** All that were not refused and got an answer: in time, late and expired. */
  readonly admitted: Percentiles;
  readonly refusals: Percentiles;
};

const NS_PER_MS = 1e6;
/** What the synchronous way says when the deadline of an admitted request passes: 503, as a refusal. */
const EXPIRED = 'Request timeout expired';

export function percentiles(histogram: RecordableHistogram): Percentiles {
  const at = (percent: number): number =>
    histogram.count === 0 ? Number.NaN : histogram.percentile(percent) / NS_PER_MS;
  return { p50: at(50), p99: at(99) };
}

export const recordMs = (histogram: RecordableHistogram, ms: number): void =>
  histogram.record(Math.max(1, Math.round(ms * NS_PER_MS)));

/** @param endAt of the load, on performance.now's clock */
export function createClassTally({ name, timeoutMs }: { name: string; timeoutMs: number }, endAt: number) {
  const [admitted, refusals] = [createHistogram(), createHistogram()];
  const failures: Record<string, number> = {};
  const counts = { offered: 0, inTime: 0, inTimeDuringLoad: 0, late: 0, refused: 0, expired: 0 };
  return {
    offer: (): void => void (counts.offered += 1),
    add({ dueAt, ms, status, text }: Pick<Outcome, 'dueAt' | 'ms' | 'status' | 'text'>): void {
      if (status === 200) {
        recordMs(admitted, ms);
        if (ms > timeoutMs) counts.late += 1;
        else {
          counts.inTime += 1;
          if (dueAt + ms <= endAt) counts.inTimeDuringLoad += 1;
        }
      } else if (status === 503 && text.includes(EXPIRED)) {
        recordMs(admitted, ms);
        counts.expired += 1;
      } else if (status === 503) {
        recordMs(refusals, ms);
        counts.refused += 1;
      } else {
        const why = status === 0 ? text : String(status);
        failures[why] = (failures[why] ?? 0) + 1;
      }
    },
    result: (): ClassResult => ({
      name,
      ...counts,
      failures,
      admitted: percentiles(admitted),
      refusals: percentiles(refusals),
    }),
    refusals,
  };
}
