/** Counts and latencies of one measured window. */
import { createHistogram } from 'node:perf_hooks';

/** Times in ms. */
export type LatencySummary = {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
};

export type LoadResult = {
  readonly seconds: number;
  /** Answers with status 200. */
  readonly succeeded: number;
  /** How often each other outcome was seen: a status, or why a connection was lost. */
  readonly failures: Readonly<Record<string, number>>;
  readonly latency: LatencySummary;
  /** CPU seconds that the generator itself has used. */
  readonly generatorCpuS: number;
};

export type Tally = {
  /** @param ms from sending, or from when it should have been sent */
  add(status: number, ms: number): void;
  lost(reason: string): void;
  result(seconds: number, generatorCpuS: number): LoadResult;
};

const NS_PER_MS = 1e6;

export function createTally(): Tally {
  const histogram = createHistogram();
  const failures: Record<string, number> = {};
  let succeeded = 0;
  const fail = (why: string): void => {
    failures[why] = (failures[why] ?? 0) + 1;
  };
  return {
    add(status, ms) {
      histogram.record(Math.max(1, Math.round(ms * NS_PER_MS)));
      if (status === 200) succeeded += 1;
      else fail(String(status));
    },
    lost: fail,
    result(seconds, generatorCpuS) {
      const at = (percent: number): number => histogram.percentile(percent) / NS_PER_MS;
      const latency = {
        mean: histogram.mean / NS_PER_MS,
        p50: at(50),
        p90: at(90),
        p99: at(99),
        max: histogram.max / NS_PER_MS,
      };
      return { seconds, succeeded, failures, latency, generatorCpuS };
    },
  };
}

/** Everything that was answered or lost. */
export function attempts(result: LoadResult): number {
  return Object.values(result.failures).reduce((sum, count) => sum + count, result.succeeded);
}
