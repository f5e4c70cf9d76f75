/** Where a request's time went in the server, between two looks at its statistics. */
import type { ServerSplit } from './load-report.ts';

/** Sums since the server began, ns; see System.statistics. */
type Sums = {
  readonly requests: number;
  readonly rows: number;
  readonly runs: number;
  readonly cacheHits: number;
  readonly queue: number;
  readonly computeInput: number;
  readonly computeInfer: number;
  readonly computeOutput: number;
};

const NS = 1e6;

/** @returns null where nothing ran between them */
export function splitOf(before: Sums | undefined, after: Sums | undefined): ServerSplit | null {
  if (!before || !after || after.requests <= before.requests) return null;
  const requests = after.requests - before.requests;
  const hits = Math.max(0, after.cacheHits - before.cacheHits);
  const computed = Math.max(1, requests - hits);
  const [runs, rows] = [after.runs - before.runs, after.rows - before.rows];
  const mean = (name: 'queue' | 'computeInput' | 'computeInfer' | 'computeOutput', of: number): number =>
    Math.max(0, after[name] - before[name]) / of / NS;
  return {
    source: 'statistics',
    requests,
    queue_ms: mean('queue', requests),
    compute_input_ms: mean('computeInput', computed),
    compute_infer_ms: mean('computeInfer', computed),
    compute_output_ms: mean('computeOutput', computed),
    rows_per_run: runs > 0 ? rows / runs : null,
    cache_hits: hits,
  };
}
