/** The worker's metrics: one observation a batch. */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import type { WorkerMemory } from '@batchyard/shared/contract/memory';
import { createCopyMetrics } from '@batchyard/shared/runtime/memory-metrics';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import { createEfficiency } from './batching/efficiency.ts';
import type { MemoryFigures } from './model-memory.ts';
import { createTritonMetrics } from './triton-metrics.ts';

type Run = {
  readonly queue: string;
  readonly rows: number;
  readonly reason: string;
  readonly runMs: number;
  readonly predictedMs: number;
  readonly assembleMs: number;
  readonly queueMs: number;
  readonly outputMs: number;
  /** Of each job. */
  readonly waitsMs: readonly number[];
};

const ROWS = [1, 2, 4, 8, 16, 32, 64, 128];
const RATIOS = [0.25, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 4];

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

type ServedLine = {
  readonly queue: string;
  readonly maxRows: number;
  /** Of the latency table, rows per ms. */
  readonly bestRate: () => number;
};

const modelOf = (queue: string): string => queue.slice(0, queue.lastIndexOf('@'));

/** Gauges that tell how well the sessions' busy time is used; set once a beat. */
function createUse(metrics: Metrics) {
  const efficiency = metrics.gauge(
    'batchyard_batch_efficiency_ratio',
    'Rows per busy second over those of the best batch size, of the last runs',
    ['model'],
  );
  const fill = metrics.gauge('batchyard_batch_fill_ratio', 'Mean rows of a batch over the largest, of the last runs', [
    'model',
  ]);
  const best = metrics.gauge('batchyard_best_rows_per_second', 'Rate of the best batch size by the latency table', [
    'model',
  ]);
  const lines = new Map<string, ServedLine & { readonly use: ReturnType<typeof createEfficiency> }>();
  const figuresOf = (queue: string) => {
    const line = lines.get(queue);
    return line?.use.figures(line.bestRate()) ?? { efficiency: 0, fill: 0 };
  };
  return {
    /** A model is served from now on, or has another file. */
    serve: (line: ServedLine): void => void lines.set(line.queue, { ...line, use: createEfficiency(line.maxRows) }),
    end: (queue: string): void => void lines.delete(queue),
    ran: (run: Run): void => lines.get(run.queue)?.use.ran(run.rows, run.runMs),
    figuresOf,
    set(): void {
      for (const { queue, bestRate } of lines.values()) {
        const model = modelOf(queue);
        const figures = figuresOf(queue);
        efficiency.set({ model }, figures.efficiency);
        fill.set({ model }, figures.fill);
        best.set({ model }, bestRate() * 1000);
      }
    },
  };
}

/** Which models are in memory. */
function createModelMetrics(metrics: Metrics) {
  const bytes = metrics.gauge('batchyard_model_memory_bytes', 'Memory that the loaded models are reckoned to take');
  const loaded = metrics.gauge('batchyard_models_loaded', 'Models that are in memory');
  const grown = {
    loads: metrics.counter('batchyard_model_loads_total', 'Times that a model was brought into memory'),
    evictions: metrics.counter(
      'batchyard_model_evictions_total',
      'Times that a model was taken out of memory to make room for another one',
    ),
  };
  const told = { loads: 0, evictions: 0 };
  return (figures: MemoryFigures): void => {
    bytes.set(figures.usedBytes);
    loaded.set(figures.models);
    for (const name of ['loads', 'evictions'] as const) {
      grown[name].inc(figures[name] - told[name]);
      told[name] = figures[name];
    }
  };
}

export function createWorkerMetrics(metrics: Metrics, memory: () => WorkerMemory, models: () => MemoryFigures) {
  const use = createUse(metrics);
  const tellModels = createModelMetrics(metrics);
  const ratio = metrics.histogram(
    'batchyard_batch_predicted_over_actual',
    'Predicted over actual run time of a batch',
    ['model'],
    RATIOS,
  );
  const batches = metrics.counter('batchyard_batches_total', 'Batches by why they ran when they did', [
    'model',
    'reason',
  ]);
  const rows = metrics.histogram('batchyard_batch_rows', 'Rows of a batch', ['model'], ROWS);
  const assemble = metrics.histogram('batchyard_inference_assemble_duration_seconds', 'Stacking the rows of a batch', [
    'model',
  ]);
  const compute = metrics.histogram('batchyard_inference_compute_duration_seconds', 'Run time of a batch', ['model']);
  const unwanted = metrics.counter(
    'batchyard_unwanted_jobs_total',
    "Jobs that were computed for nobody: their caller had gone, or they were by then another worker's",
    ['model'],
  );
  const queued = metrics.histogram('batchyard_inference_queue_duration_seconds', 'Wait of a job until its batch ran', [
    'model',
  ]);
  const reply = metrics.histogram('batchyard_inference_reply_duration_seconds', 'Telling Redis what a batch gave', [
    'model',
  ]);
  const triton = createTritonMetrics(metrics);
  const up = metrics.gauge('batchyard_worker_up', 'Whether this worker serves: 1, or 0 while it starts or drains');
  const busy = metrics.gauge('batchyard_worker_busy_ratio', 'Busy share of the sessions in the last second');
  const delay = metrics.gauge(
    'batchyard_worker_event_loop_delay_seconds',
    'Mean delay of the event loop in the last second',
  );
  const pool = createPoolMetrics(metrics);
  const copies = createCopyMetrics(metrics, memory().copies);
  return {
    serve: use.serve,
    end: use.end,
    use: use.figuresOf,
    batch(run: Run): void {
      const model = modelOf(run.queue);
      use.ran(run);
      if (run.predictedMs > 0 && run.runMs > 0) ratio.observe({ model }, run.predictedMs / run.runMs);
      batches.inc({ model, reason: run.reason });
      rows.observe({ model }, run.rows);
      assemble.observe({ model }, run.assembleMs / 1000);
      compute.observe({ model }, run.runMs / 1000);
      for (const waitMs of run.waitsMs) queued.observe({ model }, waitMs / 1000);
      triton.ran(run);
    },
    unwanted(queue: string, jobs: number): void {
      unwanted.inc({ model: modelOf(queue) }, jobs);
    },
    replied: (queue: string, ms: number): void => reply.observe({ model: modelOf(queue) }, ms / 1000),
    failed: triton.failed,
    beat({ state, load, loop_delay_ms }: Pick<Heartbeat, 'state' | 'load' | 'loop_delay_ms'>): void {
      pool(memory());
      copies();
      tellModels(models());
      use.set();
      up.set(state === 'serving' ? 1 : 0);
      busy.set(load);
      delay.set(loop_delay_ms / 1000);
    },
  };
}
