/** The gateway's metrics: requests as they end; queues and workers when they are asked for. */
import type { QueueCounts } from '@batchyard/queue/count-jobs';
import type { FailureCode } from '@batchyard/shared/contract/failure';
import { WORKER_STATES, type Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';
import { modelOfQueue } from '@batchyard/shared/contract/model';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import { createTritonMetrics } from './triton-metrics.ts';

type Source = {
  counts(queue: string): Promise<QueueCounts>;
  statistics(queue: string): Promise<Readonly<Record<string, number>>>;
};

type Ended = {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  readonly queue: string | undefined;
  readonly priority: PriorityClass;
  /** Undefined where it succeeded. */
  readonly code: FailureCode | undefined;
};

/** What is asked for when the metrics are read. */
export type MetricsLook = {
  readonly queues: readonly string[];
  readonly workers: readonly { readonly heartbeat: Heartbeat; readonly silentMs: number }[];
  /** In the cache of this gateway, by queue. */
  readonly lookups: ReadonlyMap<string, { readonly hits: number; readonly misses: number }>;
  readonly entries: number;
};

export type GatewayMetrics = {
  request(ended: Ended): void;
  collect(look: MetricsLook): Promise<void>;
  /** Redis did not answer: how its queues stand is not known. */
  forget(): void;
};

const LOST_MS = 3_500;
const CLIENT_CLOSED = 499;
const SERVER_ERROR = 500;
/** Why a request is turned away before it becomes a job. */
export const REFUSALS: ReadonlySet<FailureCode> = new Set([
  'queue_full',
  'overloaded',
  'draining',
  'model_not_ready',
  'model_failing',
  'queue_unavailable',
]);

type InferenceLabels = Readonly<Record<'model' | 'version' | 'class' | 'outcome', string>>;
type Outcome = 'success' | 'invalid' | 'refused' | 'expired' | 'cancelled' | 'failed';

/** How a request ended, for whoever sums it up. */
function outcomeOf({ status, code }: Pick<Ended, 'status' | 'code'>): Outcome {
  if (status === CLIENT_CLOSED || code === 'cancelled') return 'cancelled';
  if (code === undefined) return status < 400 ? 'success' : 'invalid';
  if (code === 'expired') return 'expired';
  if (REFUSALS.has(code)) return 'refused';
  return status < SERVER_ERROR ? 'invalid' : 'failed';
}

/** Of the whole cluster, as Redis tells it: every gateway says the same. */
function createQueueMetrics(metrics: Metrics) {
  const ofModel = ['model', 'version'] as const;
  const jobs = metrics.gauge('batchyard_queue_jobs', 'Jobs by state, and waiting ones by class', [
    ...ofModel,
    'state',
    'class',
  ]);
  const oldest = metrics.gauge('batchyard_queue_oldest_job_age_seconds', 'Age of the oldest waiting job', ofModel);
  const violations = metrics.total(
    'batchyard_sla_violations_total',
    'Jobs that waited longer than the SLA of their class, since the queue exists',
    [...ofModel, 'class'],
  );
  const ended = metrics.total('batchyard_inference_jobs_total', 'Jobs that ended, since the queue exists', [
    ...ofModel,
    'outcome',
  ]);
  const rows = metrics.total('batchyard_inference_rows_total', 'Rows that ran, since the queue exists', ofModel);
  function set(queue: string, counts: QueueCounts, statistics: Readonly<Record<string, number>>): void {
    const labels = modelOfQueue(queue);
    for (const name of PRIORITY_CLASSES) {
      jobs.set({ ...labels, state: 'waiting', class: name }, counts.byClass[name]);
      violations.set({ ...labels, class: name }, counts.sla[name].violated);
    }
    for (const state of ['active', 'delayed', 'completed', 'failed'] as const)
      jobs.set({ ...labels, state, class: 'all' }, counts[state]);
    oldest.set(labels, Math.max(...Object.values(counts.oldestMs)) / 1000);
    ended.set({ ...labels, outcome: 'success' }, statistics['success'] ?? 0);
    ended.set({ ...labels, outcome: 'failure' }, statistics['fail'] ?? 0);
    rows.set(labels, statistics['rows'] ?? 0);
  }
  return {
    set,
    forget() {
      jobs.reset();
      oldest.reset();
    },
  };
}

export function createGatewayMetrics(metrics: Metrics, source: Source): GatewayMetrics {
  const requests = metrics.histogram(
    'batchyard_http_request_duration_seconds',
    'Time to answer a request of a hot route',
    ['route', 'method', 'status'],
  );
  const inferences = metrics.counter(
    'batchyard_inference_requests_total',
    'Requests and submits for a known model, by how they ended',
    ['model', 'version', 'class', 'outcome'],
  );
  const latency = metrics.histogram(
    'batchyard_inference_request_duration_seconds',
    'Whole time of a synchronous request that succeeded',
    ['model', 'class'],
  );
  const workers = metrics.gauge('batchyard_workers', 'Workers by state', ['state']);
  const queueMetrics = createQueueMetrics(metrics);
  const triton = createTritonMetrics(metrics);

  async function collectQueue(queue: string): Promise<void> {
    const [counts, statistics] = await Promise.all([source.counts(queue), source.statistics(queue)]);
    queueMetrics.set(queue, counts, statistics);
    triton.pending(queue, counts.depth);
  }

  /** Since the metrics were read last: a number is cheaper to count in than a metric with labels. */
  type Counted = { readonly labels: InferenceLabels; readonly queue: string; readonly outcome: Outcome; count: number };
  const counted = new Map<string, Counted>();
  function count(queue: string, priority: PriorityClass, outcome: Outcome): InferenceLabels {
    const key = `${queue} ${priority} ${outcome}`;
    let known = counted.get(key);
    if (!known) {
      known = { labels: { ...modelOfQueue(queue), class: priority, outcome }, queue, outcome, count: 0 };
      counted.set(key, known);
    }
    known.count += 1;
    return known.labels;
  }
  function tellCounts(): void {
    for (const { labels, queue, outcome, count: more } of counted.values()) {
      inferences.inc(labels, more);
      triton.ended(queue, outcome, more);
    }
    counted.clear();
  }

  return {
    request(ended) {
      const { route, method, status, seconds, queue, priority } = ended;
      requests.observe({ route, method, status: String(status) }, seconds);
      if (queue === undefined) return;
      const outcome = outcomeOf(ended);
      const { model } = count(queue, priority, outcome);
      if (route === 'infer' && outcome === 'success') latency.observe({ model, class: priority }, seconds);
    },
    async collect(look) {
      tellCounts();
      await Promise.all(look.queues.map(collectQueue));
      const states = look.workers.map(({ heartbeat, silentMs }) => (silentMs < LOST_MS ? heartbeat.state : 'lost'));
      for (const state of [...WORKER_STATES, 'lost'] as const)
        workers.set({ state }, states.filter((one) => one === state).length);
      triton.cache(look.lookups, look.entries);
    },
    forget() {
      tellCounts();
      queueMetrics.forget();
      triton.forget();
    },
  };
}
