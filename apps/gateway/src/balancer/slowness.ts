/**
 * How slow each worker of a queue is now, told from its last runs: each is compared with the best time that any worker's
 * table has for such a batch, so that small and large batches can be compared. The table itself remembers hundreds of runs
 * and follows too late. Pure.
 */
import type { LatencyPoint, RecentRun } from '@batchyard/shared/contract/heartbeat';

export type Runner = {
  readonly worker: string;
  readonly latency: readonly LatencyPoint[];
  readonly recent: readonly RecentRun[];
};
/** `times` as slow as the fastest; `isSlow` with hysteresis. */
export type Slowness = { readonly times: number; readonly isSlow: boolean };

export type SlownessBook = {
  /** Once a second. */
  look(queue: string, runners: readonly Runner[]): ReadonlyMap<string, Slowness>;
};

/** A neighbour that shares the cores easily makes a run twice as long. */
const SLOW_FROM = 2.5;
const SLOW_TO = 1.6;

/** Of `rows` rows by one table, between its sizes in proportion. */
function tableMs(latency: readonly LatencyPoint[], rows: number): number {
  const above = latency.find((point) => point.rows >= rows);
  const below = latency.findLast((point) => point.rows <= rows);
  if (!above || !below) return (above ?? below)?.p50_ms ?? Number.POSITIVE_INFINITY;
  if (above.rows === below.rows) return above.p50_ms;
  return below.p50_ms + ((rows - below.rows) / (above.rows - below.rows)) * (above.p50_ms - below.p50_ms);
}
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

export function createSlownessBook(): SlownessBook {
  const slow = new Set<string>();
  return {
    look(queue, runners) {
      const best = (rows: number): number => Math.min(...runners.map(({ latency }) => tableMs(latency, rows)));
      const ratios = runners.map(({ worker, recent }) => {
        const all = recent
          .map(({ rows, ms }) => ms / best(rows))
          .filter((ratio) => ratio > 0 && Number.isFinite(ratio));
        return { worker, ratio: median(all) };
      });
      const fastest = Math.min(...ratios.map(({ ratio }) => ratio ?? Number.POSITIVE_INFINITY));
      return new Map(
        ratios.map(({ worker, ratio }) => {
          const times = ratio === undefined ? 1 : Math.max(1, ratio / fastest);
          const key = `${queue} ${worker}`;
          if (times >= SLOW_FROM) slow.add(key);
          else if (times < SLOW_TO) slow.delete(key);
          return [worker, { times, isSlow: slow.has(key) }];
        }),
      );
    },
  };
}
