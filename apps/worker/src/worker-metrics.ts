/** The worker's metrics: one observation a batch. */
import type { WorkerMemory } from '@batchyard/shared/contract/memory';
import { createCopyMetrics } from '@batchyard/shared/runtime/memory-metrics';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

type Run = {
  readonly queue: string;
  readonly rows: number;
  readonly reason: string;
  readonly runMs: number;
  readonly assembleMs: number;
  readonly queueMs: number;
};

const ROWS = [1, 2, 4, 8, 16, 32, 64, 128];

/** The slab pool; what only grows is told as Prometheus wants it, by how much it has grown. */
function createPoolMetrics(metrics: Metrics) {
  const bytes = metrics.gauge(
    'batchyard_memory_pool_bytes',
    'Bytes of the slab pool: used, idle, and beyond its limit',
    ['state'],
  );
  const limit = metrics.gauge('batchyard_memory_pool_limit_bytes', 'Limit of the slab pool');
  const highWater = metrics.gauge('batchyard_memory_pool_high_water_bytes', 'The most that the slab pool has held');
  const reuse = metrics.gauge(
    'batchyard_memory_pool_reuse_ratio',
    'Share of requests that the pool served from idle slabs',
  );
  const budget = metrics.gauge('batchyard_memory_budget_bytes', 'Memory of the process beyond which the pool lets go');
  const grown = {
    collections: metrics.counter(
      'batchyard_memory_pool_collections_total',
      'Times that idle slabs went at four fifths of the limit',
    ),
    emergencies: metrics.counter(
      'batchyard_memory_emergencies_total',
      'Times that all idle slabs went because the process was past its budget',
    ),
    outside: metrics.counter(
      'batchyard_memory_pool_outside_total',
      'Requests that were served outside of the pool because it was at its limit',
    ),
  };
  const told = { collections: 0, emergencies: 0, outside: 0 };
  return ({ pool, budget_bytes }: WorkerMemory): void => {
    bytes.set({ state: 'used' }, pool.used_bytes);
    bytes.set({ state: 'idle' }, pool.idle_bytes);
    bytes.set({ state: 'outside' }, pool.outside_bytes);
    limit.set(pool.limit_bytes);
    highWater.set(pool.high_water_bytes);
    reuse.set(pool.reuse_ratio);
    budget.set(budget_bytes);
    for (const name of ['collections', 'emergencies', 'outside'] as const) {
      grown[name].inc(pool[name] - told[name]);
      told[name] = pool[name];
    }
  };
}

export function createWorkerMetrics(metrics: Metrics, memory: () => WorkerMemory) {
  const batches = metrics.counter('batchyard_batches_total', 'Batches by why they ran when they did', [
    'model',
    'reason',
  ]);
  const rows = metrics.histogram('batchyard_batch_rows', 'Rows of a batch', ['model'], ROWS);
  const assemble = metrics.histogram('batchyard_inference_assemble_duration_seconds', 'Stacking the rows of a batch', [
    'model',
  ]);
  const compute = metrics.histogram('batchyard_inference_compute_duration_seconds', 'Run time of a batch', ['model']);
  const busy = metrics.gauge('batchyard_worker_busy_ratio', 'Busy share of the sessions in the last second');
  const delay = metrics.gauge(
    'batchyard_worker_event_loop_delay_seconds',
    'Mean delay of the event loop in the last second',
  );
  const pool = createPoolMetrics(metrics);
  const copies = createCopyMetrics(metrics, memory().copies);
  return {
    batch(run: Run): void {
      const model = run.queue.slice(0, run.queue.lastIndexOf('@'));
      batches.inc({ model, reason: run.reason });
      rows.observe({ model }, run.rows);
      assemble.observe({ model }, run.assembleMs / 1000);
      compute.observe({ model }, run.runMs / 1000);
    },
    busy(load: number, loopDelayS: number): void {
      pool(memory());
      copies();
      busy.set(load);
      delay.set(loopDelayS);
    },
  };
}
