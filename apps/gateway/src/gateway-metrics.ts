/** The gateway's metrics: requests as they end; queues and workers when they are asked for. */
import type { QueueCounts } from '@batchyard/queue/count-jobs';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import { modelOfQueue } from '@batchyard/shared/contract/model';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

type Source = {
  counts(queue: string): Promise<QueueCounts>;
  statistics(queue: string): Promise<Readonly<Record<string, number>>>;
};

type Ended = {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
};

export type GatewayMetrics = {
  request(ended: Ended): void;
  collect(queues: readonly string[], workers: readonly { heartbeat: Heartbeat; silentMs: number }[]): Promise<void>;
};

export function createGatewayMetrics(metrics: Metrics, source: Source): GatewayMetrics {
  const requests = metrics.histogram(
    'batchyard_http_request_duration_seconds',
    'Time to answer a request of a hot route',
    ['route', 'method', 'status'],
  );
  const jobs = metrics.gauge('batchyard_queue_jobs', 'Jobs by state, and waiting ones by class', [
    'model',
    'state',
    'class',
  ]);
  const oldest = metrics.gauge('batchyard_queue_oldest_job_age_seconds', 'Age of the oldest waiting job', ['model']);
  const violations = metrics.gauge(
    'batchyard_sla_violations_total',
    'Jobs that waited longer than the SLA of their class, since the queue exists',
    ['model', 'class'],
  );
  const outcomes = metrics.gauge('batchyard_inference_jobs', 'Jobs that ended, since the queue exists', [
    'model',
    'outcome',
  ]);
  const rows = metrics.gauge('batchyard_inference_rows', 'Rows that ran, since the queue exists', ['model']);
  const up = metrics.gauge('batchyard_worker_up', 'Whether the worker was heard of in the last seconds', ['worker']);
  const busy = metrics.gauge('batchyard_worker_busy_ratio', "Busy share of the worker's sessions", ['worker']);

  async function collectQueue(queue: string): Promise<void> {
    const { model } = modelOfQueue(queue);
    const [counts, statistics] = await Promise.all([source.counts(queue), source.statistics(queue)]);
    for (const name of PRIORITY_CLASSES) jobs.set({ model, state: 'waiting', class: name }, counts.byClass[name]);
    for (const state of ['active', 'delayed', 'completed', 'failed'] as const)
      jobs.set({ model, state, class: 'all' }, counts[state]);
    oldest.set({ model }, Math.max(...Object.values(counts.oldestMs)) / 1000);
    for (const name of PRIORITY_CLASSES) violations.set({ model, class: name }, counts.sla[name].violated);
    outcomes.set({ model, outcome: 'success' }, statistics['success'] ?? 0);
    outcomes.set({ model, outcome: 'failure' }, statistics['fail'] ?? 0);
    rows.set({ model }, statistics['rows'] ?? 0);
  }

  return {
    request({ route, method, status, seconds }) {
      requests.observe({ route, method, status: String(status) }, seconds);
    },
    async collect(queues, workers) {
      await Promise.all(queues.map(collectQueue));
      up.reset();
      busy.reset();
      for (const { heartbeat, silentMs } of workers) {
        up.set({ worker: heartbeat.id }, silentMs < 3_500 && heartbeat.state === 'serving' ? 1 : 0);
        busy.set({ worker: heartbeat.id }, heartbeat.load);
      }
    },
  };
}
