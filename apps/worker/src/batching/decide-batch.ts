/**
 * How many rows the next batch may have, whether it may wait for more, and why it ran as it did. In a pull system the
 * queue's content is known only once it is taken, so the decision is the question that the take asks.
 */
import type { LatencyModel } from './latency-model.ts';

export type BatchPolicy = {
  /** adaptive: never waits, and no larger than pays. fixed: the largest size, waiting up to maxWaitMs for it. */
  readonly strategy: 'adaptive' | 'fixed';
  /** 1 for a model without a batch axis. */
  readonly maxRows: number;
  readonly maxWaitMs: number;
};

export type TakeDecision = { readonly maxRows: number; readonly minRows: number; readonly lingerMs: number };

export type BatchReason = 'full' | 'idle' | 'delay' | 'deadline' | 'retry-alone' | 'drain' | 'bisect';

/** A doubling of the batch must give this much more throughput to be worth its longer run. */
const WORTH = 0.02;

/** The largest measured size up to which every step still gains throughput. */
export function payingRows(latency: LatencyModel, maxRows: number): number {
  const sizes = latency.points().filter((point) => point.rows <= maxRows);
  let best = sizes[0];
  if (!best) return maxRows;
  for (const point of sizes) {
    if (point.rows / point.p50_ms > (best.rows / best.p50_ms) * (1 + WORTH)) best = point;
  }
  return best.rows >= (sizes.at(-1)?.rows ?? 0) ? maxRows : best.rows;
}

/** What is not measured cannot be found to pay again: every so many batches may have the next larger size. */
const PROBE_EVERY = 16;

function adaptiveRows(latency: LatencyModel, maxRows: number, batch: number): number {
  const paying = payingRows(latency, maxRows);
  if (paying >= maxRows || batch % PROBE_EVERY !== 0) return paying;
  return Math.min(maxRows, latency.points().find((point) => point.rows > paying)?.rows ?? maxRows);
}

/** @param batch number of the batch */
export function decideTake(policy: BatchPolicy, latency: LatencyModel, batch: number): TakeDecision {
  switch (policy.strategy) {
    case 'fixed':
      return { maxRows: policy.maxRows, minRows: policy.maxRows, lingerMs: policy.maxWaitMs };
    case 'adaptive':
      return { maxRows: adaptiveRows(latency, policy.maxRows, batch), minRows: 0, lingerMs: 0 };
  }
}

type Row = { readonly rows: number; readonly deadlineMs: number; readonly deaths: number };

/**
 * The batch that should run now, out of what was taken: the adaptive strategy leaves out the tail when the whole would
 * miss the earliest deadline and a smaller batch would meet it.
 */
export function decideRun(
  jobs: readonly Row[],
  policy: BatchPolicy,
  latency: LatencyModel,
  nowMs: number,
): { take: number; reason: BatchReason } {
  const rows = jobs.reduce((sum, job) => sum + job.rows, 0);
  if (jobs.length === 1 && (jobs[0]?.deaths ?? 0) > 0) return { take: 1, reason: 'retry-alone' };
  const slack = Math.min(...jobs.map((job) => job.deadlineMs)) - nowMs;
  if (policy.strategy === 'adaptive' && slack > latency.p50(1) && latency.p99(rows) > slack) {
    let fitting = 0;
    let sum = 0;
    for (const job of jobs) {
      sum += job.rows;
      if (fitting > 0 && latency.p99(sum) > slack) break;
      fitting += 1;
    }
    if (fitting < jobs.length) return { take: fitting, reason: 'deadline' };
  }
  if (rows >= policy.maxRows) return { take: jobs.length, reason: 'full' };
  return { take: jobs.length, reason: policy.strategy === 'fixed' && policy.maxWaitMs > 0 ? 'delay' : 'idle' };
}
