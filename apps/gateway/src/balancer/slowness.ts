/**
 * How slow each worker of a queue is now, told from its last runs: each is compared with the best time that any worker's
 * table has for such a batch, so that small and large batches can be compared. The table itself remembers hundreds of runs
 * and follows too late. Who runs nothing is forgiven by and by, but for the slow ones, which are measured again by a job
 * now and then: otherwise a chance of its last runs could keep a worker resting, and so from showing better. Pure.
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
/** Of what a worker is slower than the fastest, so much is left with each second in which it runs nothing. */
const FORGIVEN = 0.9;

/** Of `rows` rows by one table, between its sizes in proportion. */
function tableMs(latency: readonly LatencyPoint[], rows: number): number {
  const above = latency.find((point) => point.rows >= rows);
  const below = latency.findLast((point) => point.rows <= rows);
  if (!above || !below) return (above ?? below)?.p50_ms ?? Number.POSITIVE_INFINITY;
  if (above.rows === below.rows) return above.p50_ms;
  return below.p50_ms + ((rows - below.rows) / (above.rows - below.rows)) * (above.p50_ms - below.p50_ms);
}
/**
 * The mean without the best and the worst; of two the better. One long run is chance, but a process that is held back by a
 * quota of CPU time, or stopped in turns, has as many runs that are not touched as runs that take several times as long:
 * its median would call it slow in one second and fast in the next.
 */
function typical(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length < 3) return sorted[0];
  const middle = sorted.slice(1, -1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** Of a worker at the last look; `looks`: for how many in a row its runs have been the same. */
type Known = Slowness & { readonly runs: string; readonly looks: number };

const textOf = (recent: readonly RecentRun[]): string => recent.map(({ rows, ms }) => `${rows}:${ms}`).join(' ');

export function createSlownessBook(): SlownessBook {
  const known = new Map<string, ReadonlyMap<string, Known>>();
  return {
    look(queue, runners) {
      const before = known.get(queue);
      const best = (rows: number): number => Math.min(...runners.map(({ latency }) => tableMs(latency, rows)));
      const ratios = runners.map(({ recent }) =>
        typical(recent.map(({ rows, ms }) => ms / best(rows)).filter((ratio) => ratio > 0 && Number.isFinite(ratio))),
      );
      const fastest = Math.min(...ratios.map((ratio) => ratio ?? Number.POSITIVE_INFINITY));
      const now = new Map(
        runners.map(({ worker, recent }, i): [string, Known] => {
          const last = before?.get(worker);
          const ratio = ratios[i];
          const times = ratio === undefined ? 1 : Math.max(1, ratio / fastest);
          const isSlow = times >= SLOW_FROM || (times >= SLOW_TO && last?.isSlow === true);
          const runs = textOf(recent);
          const looks = last?.runs === runs ? last.looks + 1 : 0;
          return [worker, { runs, looks, isSlow, times: isSlow ? times : 1 + (times - 1) * FORGIVEN ** looks }];
        }),
      );
      known.set(queue, now);
      return new Map(Array.from(now, ([worker, { times, isSlow }]) => [worker, { times, isSlow }]));
    },
  };
}
