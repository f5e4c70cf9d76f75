/** What a number of workers would answer, and how many are needed. */
import { createRandom } from '../plan/random.ts';
import type { NextTime } from '../plan/schedule.ts';
import { percentileOf, simulate, type Cluster, type Spread } from './simulate.ts';

export type Prediction = {
  readonly workers: number;
  readonly answered_per_s: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  /** Share of the requests that expired. */
  readonly expired: number;
  readonly rows_per_run: number;
  readonly busy: number;
};
export type Wanted = { readonly p99Ms: number; readonly expired: number };

export type Demand = {
  /** The same times again at each call. */
  arrivals(): NextTime;
  readonly rows: number;
  readonly timeoutMs: number;
  readonly seed: number;
};

/** Beyond it nobody believes a model that knows nothing of what workers cost one another. */
export const MOST_PLANNED = 64;

export function predict(cluster: Cluster, { arrivals, rows, timeoutMs, seed }: Demand): Prediction {
  const seen = simulate(cluster, { next: arrivals(), rows, timeoutMs }, createRandom(seed + 101));
  return {
    workers: cluster.workers,
    answered_per_s: seen.seconds === 0 ? 0 : seen.latencies.length / seen.seconds,
    p50_ms: percentileOf(seen, 50),
    p99_ms: percentileOf(seen, 99),
    expired: seen.requests === 0 ? 0 : seen.expired / seen.requests,
    rows_per_run: seen.rowsPerRun,
    busy: seen.busy,
  };
}

const LEAST_MS = 0.05;

/**
 * What is left of the time of single requests without their runs. Medians are taken from each other; the variances of
 * independent parts add up, so the widths of the tails are taken from each other as squares.
 */
export function withoutRun(whole: Spread, run: Spread): Spread {
  const width = ({ p50_ms: p50, p99_ms: p99 }: Spread): number => p99 - p50;
  const usual = Math.max(LEAST_MS, whole.p50_ms - run.p50_ms);
  return { p50_ms: usual, p99_ms: usual + Math.sqrt(Math.max(0, width(whole) ** 2 - width(run) ** 2)) };
}

export const meets = ({ p99_ms: p99, expired }: Prediction, wanted: Wanted): boolean =>
  p99 !== null && p99 <= wanted.p99Ms && expired <= wanted.expired;

/** One worker more at a time until it is enough; the last of them is the answer where it meets what is wanted. */
export function planWorkers(cluster: Omit<Cluster, 'workers'>, demand: Demand, wanted: Wanted): Prediction[] {
  const tried: Prediction[] = [];
  for (let workers = 1; workers <= MOST_PLANNED; workers += 1) {
    const prediction = predict({ ...cluster, workers }, demand);
    tried.push(prediction);
    const last = tried.at(-2);
    // What more workers do not change is not the queue: the run itself, or the way to it, takes longer than is wanted.
    const stuck = last?.p99_ms !== null && last !== undefined && prediction.busy < 0.2 && !meets(prediction, wanted);
    if (meets(prediction, wanted) || stuck) break;
  }
  return tried;
}
