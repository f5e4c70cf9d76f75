/** The worker's metrics: one observation a batch. */
import type { Metrics } from '@batchyard/shared/runtime/metrics';

type SlabStats = {
  readonly idleBytes: number;
  readonly usedBytes: number;
  readonly reuseRatio: number;
  readonly collections: number;
};
type Run = {
  readonly queue: string;
  readonly rows: number;
  readonly reason: string;
  readonly runMs: number;
  readonly assembleMs: number;
  readonly queueMs: number;
};

const ROWS = [1, 2, 4, 8, 16, 32, 64, 128];

export function createWorkerMetrics(metrics: Metrics, slabs: () => SlabStats) {
  const batches = metrics.counter('batchyard_batches_total', 'Batches by why they ran when they did', [
    'model',
    'reason',
  ]);
  const rows = metrics.histogram('batchyard_batch_rows', 'Rows of a batch', ['model'], ROWS);
  const assemble = metrics.histogram('batchyard_inference_assemble_duration_seconds', 'Stacking the rows of a batch', [
    'model',
  ]);
  const compute = metrics.histogram('batchyard_inference_compute_duration_seconds', 'Run time of a batch', ['model']);
  const pool = metrics.gauge('batchyard_memory_pool_bytes', 'Bytes of the slab pool', ['state']);
  const reuse = metrics.gauge(
    'batchyard_memory_pool_reuse_ratio',
    'Share of requests that the pool served from idle slabs',
  );
  const busy = metrics.gauge('batchyard_worker_busy_ratio', 'Busy share of the sessions in the last second');
  const delay = metrics.gauge(
    'batchyard_worker_event_loop_delay_seconds',
    'Mean delay of the event loop in the last second',
  );
  return {
    batch(run: Run): void {
      const model = run.queue.slice(0, run.queue.lastIndexOf('@'));
      batches.inc({ model, reason: run.reason });
      rows.observe({ model }, run.rows);
      assemble.observe({ model }, run.assembleMs / 1000);
      compute.observe({ model }, run.runMs / 1000);
    },
    busy(load: number, loopDelayS: number): void {
      const { idleBytes, usedBytes, reuseRatio } = slabs();
      pool.set({ state: 'idle' }, idleBytes);
      pool.set({ state: 'used' }, usedBytes);
      reuse.set(reuseRatio);
      busy.set(load);
      delay.set(loopDelayS);
    },
  };
}
