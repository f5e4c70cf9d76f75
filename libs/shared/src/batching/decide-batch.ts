/**
 * How many rows the next batch may have, whether it may wait for more, and why it ran as it did. In a pull system the
 * queue's content is known only once it is taken, so the decision is the question that the take asks.
 *
 * | strategy | size | waits |
 * | --- | --- | --- |
 * | adaptive | as large as still pays and as its deadlines and target allow | only while that shortens the mean wait |
 * | fixed | maxRows | until there are so many, or the oldest waited maxWaitMs |
 * | dynamic | the largest preferred size that waits | until one is reached, or the oldest waited maxWaitMs; then what is there |
 * | latency-optimized | what waits, cut to meet the earliest due time | never |
 */
import type { Strategy } from '../contract/batching.ts';

import type { LatencyModel } from './latency-model.ts';

export type BatchPolicy = {
  readonly strategy: Strategy;
  /** 1 for a model without a batch axis. */
  readonly maxRows: number;
  readonly maxWaitMs: number;
  /** `dynamic`: sizes that run at once; none = maxRows alone. */
  readonly preferredRows: readonly number[];
  /** A job is due this long after it was queued, ms; undefined = by its deadline alone. */
  readonly targetMs: number | undefined;
};

export type TakeDecision = {
  readonly maxRows: number;
  readonly minRows: number;
  readonly lingerMs: number;
  readonly preferredRows: readonly number[];
  /** No wait comes closer than this to the deadline of an oldest job, ms. */
  readonly spareMs: number;
  /** Until the end of a batch of `maxRows`, ms: who waits for less gains nothing from a place in it. */
  readonly fullMs: number;
};

export type BatchReason = 'full' | 'preferred' | 'idle' | 'delay' | 'deadline' | 'retry-alone' | 'drain' | 'bisect';

/** A doubling of the batch must give this much more throughput to be worth its longer run. */
const WORTH = 0.02;
/** `latency-optimized` without a target of its own: the one of class high. */
const DEFAULT_TARGET_MS = 30;

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

/**
 * The largest measured size whose run alone does not usually miss the target; the smallest where every one does. By the
 * median: a size that a single slow run shut out would never be measured again.
 */
function rowsWithin(latency: LatencyModel, maxRows: number, targetMs: number | undefined): number {
  if (targetMs === undefined || latency.p50(maxRows) <= targetMs) return maxRows;
  const sizes = latency.points().filter((point) => point.rows <= maxRows);
  return sizes.findLast((point) => point.p50_ms <= targetMs)?.rows ?? sizes[0]?.rows ?? maxRows;
}

/** What is not measured cannot be found to be better again: every so many batches may have the next larger size. */
const PROBE_EVERY = 16;

function probed(rows: number, latency: LatencyModel, maxRows: number, batch: number): number {
  if (rows >= maxRows || batch % PROBE_EVERY !== 0) return rows;
  return Math.min(maxRows, latency.points().find((point) => point.rows > rows)?.rows ?? maxRows);
}

/**
 * The batch size worth waiting for, when rows come every `g` ms and a run of n takes t(n).
 *
 * Told for one more row than the n - 1 that wait. Run now, it ends t(n-1) + t(1) from now, as it has to wait for the run;
 * waited for, it ends g + t(n): it gains t(1) - g - d, with d = t(n) - t(n-1). Each of the others loses g + d. The mean
 * gets shorter as long as the gain is above the loss, t(1) - g - d > (n-1) (g + d), which is n (g + d) < t(1). The left
 * side grows with n, so the first size that is not worth it ends the search; with g above t(1) / 2, as at low load, no
 * size is. No row is waited for longer than t(1), more than which there is not to gain.
 *
 * @returns 0 where nothing is worth a wait
 */
export function rowsWorthWaiting(latency: LatencyModel, rowsPerMs: number, maxRows: number): number {
  const alone = latency.p50(1);
  let rows = 1;
  for (let longer = alone; rows < maxRows; rows += 1) {
    const before = longer;
    longer = latency.p50(rows + 1);
    if ((rows + 1) * (1 / rowsPerMs + longer - before) >= alone) break;
  }
  return rows > 1 ? rows : 0;
}

/** A run that takes longer than its median by more than this share is too rare to give a place away for. */
const USUAL_EXCESS = 0.25;

/** With its number, and how long until it can run, ms. */
type NextBatch = { readonly batch: number; readonly leadMs: number };

/** @param rowsPerMs that come, lately */
export function decideTake(
  policy: BatchPolicy,
  latency: LatencyModel,
  { batch, leadMs }: NextBatch,
  rowsPerMs: number,
): TakeDecision {
  const asked = questionOf(policy, latency, batch, rowsPerMs);
  const runMs = Math.min(latency.p99(asked.maxRows), (1 + USUAL_EXCESS) * latency.p50(asked.maxRows));
  return { ...asked, fullMs: leadMs + runMs };
}

type Question = Omit<TakeDecision, 'fullMs'>;

function questionOf(policy: BatchPolicy, latency: LatencyModel, batch: number, rowsPerMs: number): Question {
  const { maxRows, maxWaitMs, targetMs } = policy;
  const atOnce = { maxRows, minRows: 0, lingerMs: 0, preferredRows: [], spareMs: 0 };
  switch (policy.strategy) {
    case 'fixed':
      return { ...atOnce, minRows: maxRows, lingerMs: maxWaitMs };
    case 'dynamic': {
      const fitting = policy.preferredRows.filter((rows) => rows <= maxRows);
      return { ...atOnce, lingerMs: maxWaitMs, preferredRows: fitting.length > 0 ? fitting : [maxRows] };
    }
    case 'latency-optimized':
      return {
        ...atOnce,
        maxRows: probed(rowsWithin(latency, maxRows, targetMs ?? DEFAULT_TARGET_MS), latency, maxRows, batch),
      };
    case 'adaptive': {
      const paying = payingRows(latency, rowsWithin(latency, maxRows, targetMs));
      const most = probed(paying, latency, maxRows, batch);
      const minRows = maxWaitMs > 0 ? rowsWorthWaiting(latency, rowsPerMs, most) : 0;
      if (minRows === 0) return { ...atOnce, maxRows: most };
      const lingerMs = Math.min(maxWaitMs, latency.p50(1));
      return { ...atOnce, maxRows: most, minRows, lingerMs, spareMs: latency.p99(most) };
    }
  }
}

type Row = {
  readonly rows: number;
  readonly deadlineMs: number;
  readonly queuedMs: number;
  readonly deaths: number;
};
/** `nowMs` by the clock of the deadlines; `waiting`: jobs that were left in the queue. */
export type Moment = { readonly nowMs: number; readonly waiting: number };
export type RunDecision = {
  /** Jobs, from the front. */
  readonly take: number;
  readonly reason: BatchReason;
  /** Until the earliest due time of what runs, ms. */
  readonly slackMs: number;
};

/** Without the tail when the whole would be late and a smaller batch is not: jobs to run, or undefined for all. */
function cutToSlack(jobs: readonly Row[], slackMs: number, took: (rows: number) => number): number | undefined {
  const rows = jobs.reduce((sum, job) => sum + job.rows, 0);
  if (slackMs <= took(1) || took(rows) <= slackMs) return undefined;
  let [fitting, sum] = [0, 0];
  for (const job of jobs) {
    sum += job.rows;
    if (fitting > 0 && took(sum) > slackMs) break;
    fitting += 1;
  }
  return fitting < jobs.length ? fitting : undefined;
}

/**
 * Whether a cut is worth it while others wait: it saves those that would be late in the whole batch, and costs the rows that
 * the same time would have done at the rate of the whole.
 */
function cutPays(jobs: readonly Row[], take: number, latency: LatencyModel, nowMs: number): boolean {
  const rowsOf = (some: readonly Row[]): number => some.reduce((sum, job) => sum + job.rows, 0);
  const [whole, kept] = [rowsOf(jobs), rowsOf(jobs.slice(0, take))];
  const endMs = nowMs + latency.p99(whole);
  const saved = jobs.slice(0, take).filter((job) => job.deadlineMs >= nowMs && job.deadlineMs < endMs).length;
  return saved >= (whole * latency.p50(kept)) / latency.p50(whole) - kept;
}

/**
 * The batch that should run now, out of what was taken. Due is a job at its deadline, and with a target so long after it
 * was queued, whichever is first. Behind a batch that was cut all others wait for one more run: deadlines are worth that
 * where they are more than the rows it costs (and are met almost surely, by p99), a target only where nothing else waits and at least half of the batch can stay.
 */
export function decideRun(
  jobs: readonly Row[],
  policy: BatchPolicy,
  latency: LatencyModel,
  { nowMs, waiting }: Moment,
): RunDecision {
  const { strategy, maxRows, maxWaitMs } = policy;
  const rows = jobs.reduce((sum, job) => sum + job.rows, 0);
  const wanted = policy.targetMs ?? (strategy === 'latency-optimized' ? DEFAULT_TARGET_MS : Number.POSITIVE_INFINITY);
  const target = waiting > 0 ? Number.POSITIVE_INFINITY : wanted;
  const deadlineMs = Math.min(...jobs.map((job) => job.deadlineMs)) - nowMs;
  const targetMs = Math.min(...jobs.map((job) => job.queuedMs + target)) - nowMs;
  const slackMs = Math.min(deadlineMs, targetMs);
  const all = (reason: BatchReason): RunDecision => ({ take: jobs.length, reason, slackMs });
  if (jobs.length === 1 && (jobs[0]?.deaths ?? 0) > 0) return all('retry-alone');
  if (strategy === 'adaptive' || strategy === 'latency-optimized') {
    const forDeadline = cutToSlack(jobs, deadlineMs, latency.p99);
    if (forDeadline !== undefined && (waiting === 0 || cutPays(jobs, forDeadline, latency, nowMs)))
      return { take: forDeadline, reason: 'deadline', slackMs };
    const forTarget = cutToSlack(jobs, targetMs, latency.p50) ?? 0;
    if (2 * forTarget >= jobs.length) return { take: forTarget, reason: 'deadline', slackMs };
  }
  if (rows >= maxRows) return all('full');
  if (strategy === 'dynamic' && policy.preferredRows.includes(rows)) return all('preferred');
  return all((strategy === 'fixed' || strategy === 'dynamic') && maxWaitMs > 0 ? 'delay' : 'idle');
}
