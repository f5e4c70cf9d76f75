/** What a worker ran, under the names of Triton's metrics (times in µs), so that dashboards made for it work here. */
import { modelOfQueue } from '@batchyard/shared/contract/model';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

type Run = {
  readonly queue: string;
  readonly rows: number;
  readonly runMs: number;
  readonly assembleMs: number;
  readonly outputMs: number;
  /** Of each job. */
  readonly waitsMs: readonly number[];
};

export function createTritonMetrics(metrics: Metrics) {
  const ofModel = ['model', 'version'] as const;
  const success = metrics.counter(
    'nv_inference_request_success',
    'Number of successful inference requests, all batch sizes',
    ofModel,
  );
  const failure = metrics.counter(
    'nv_inference_request_failure',
    'Number of failed inference requests, all batch sizes',
    [...ofModel, 'reason'],
  );
  const count = metrics.counter(
    'nv_inference_count',
    'Number of inferences performed (does not include cached requests)',
    ofModel,
  );
  const execCount = metrics.counter(
    'nv_inference_exec_count',
    'Number of model executions performed (does not include cached requests)',
    ofModel,
  );
  const sum = (name: string, what: string) =>
    metrics.counter(`nv_inference_${name}_duration_us`, `Cumulative ${what} duration in microseconds`, ofModel);
  const request = sum('request', 'inference request');
  const queued = sum('queue', 'inference queuing');
  const input = sum('compute_input', 'compute input');
  const infer = sum('compute_infer', 'compute inference');
  const output = sum('compute_output', 'inference compute output');
  return {
    ran({ queue, rows, runMs, assembleMs, outputMs, waitsMs }: Run): void {
      const labels = modelOfQueue(queue);
      const [jobs, waitedMs] = [waitsMs.length, waitsMs.reduce((all, ms) => all + ms, 0)];
      success.inc(labels, jobs);
      count.inc(labels, rows);
      execCount.inc(labels);
      // As in Triton: what a run took counts for each request in it.
      request.inc(labels, (waitedMs + jobs * (runMs + outputMs)) * 1_000);
      queued.inc(labels, waitedMs * 1_000);
      input.inc(labels, jobs * assembleMs * 1_000);
      infer.inc(labels, jobs * runMs * 1_000);
      output.inc(labels, jobs * outputMs * 1_000);
    },
    failed: (queue: string, jobs: number): void => failure.inc({ ...modelOfQueue(queue), reason: 'BACKEND' }, jobs),
  };
}
