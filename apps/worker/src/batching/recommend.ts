/** From measured run times to the settings of a model that serve most rows a second, or most within a target. Pure. */
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';

/** What was measured with so many threads for each of so many sessions at once. */
export type Measured = {
  readonly threads: number;
  readonly instances: number;
  /** Of one session by itself. */
  readonly points: readonly LatencyPoint[];
  /** Rows a second of all sessions together, by rows of a batch. */
  readonly ratesTogether: ReadonlyMap<number, number>;
};

export type Recommendation = {
  readonly threads: number;
  readonly instances: number;
  readonly rows: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly rowsPerS: number;
  /** Whether a run of that size is meant to end within the target. */
  readonly meetsTarget: boolean;
};

/** A rate that is this close to the best is as good: then the smaller batch, and fewer threads in all, are preferred. */
const AS_GOOD = 0.95;

/** @returns undefined where nothing was measured */
export function recommend(measured: readonly Measured[], targetMs?: number): Recommendation | undefined {
  const all = measured.flatMap(({ threads, instances, points, ratesTogether }) =>
    points.flatMap(({ rows, p50_ms, p99_ms }): Recommendation[] => {
      const rowsPerS = ratesTogether.get(rows);
      const meetsTarget = targetMs === undefined || p99_ms <= targetMs;
      return rowsPerS === undefined ? [] : [{ threads, instances, rows, p50_ms, p99_ms, rowsPerS, meetsTarget }];
    }),
  );
  const within = all.filter((one) => one.meetsTarget);
  // Where no size meets the target the fastest run comes closest.
  if (within.length === 0) return all.toSorted((a, b) => a.p99_ms - b.p99_ms)[0];
  const best = Math.max(...within.map((one) => one.rowsPerS));
  const good = within.filter((one) => one.rowsPerS >= AS_GOOD * best);
  return good.toSorted(
    (a, b) => a.rows - b.rows || a.threads * a.instances - b.threads * b.instances || b.rowsPerS - a.rowsPerS,
  )[0];
}

/** Lines for a config.pbtxt. */
export function configLines({ threads, instances, rows }: Recommendation, batched: boolean): string[] {
  return [
    ...(batched ? [`max_batch_size: ${rows}`] : []),
    `instance_group [ { count: ${instances} kind: KIND_CPU } ]`,
    `parameters { key: "intra_op_thread_count" value { string_value: "${threads}" } }`,
  ];
}
