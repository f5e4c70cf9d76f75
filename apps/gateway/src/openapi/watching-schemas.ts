/** What the operations listener tells of performance, alerts and events. */
import { DURABILITIES } from '@batchyard/shared/contract/durability';
import { clusterEventSchema } from '@batchyard/shared/contract/event';
import { processLineSchema, SEVERITIES } from '@batchyard/shared/contract/sample';
import { z } from 'zod';

import { amount, bySomeClasses, count, moment, share } from './fields.ts';

const maybe = (value: z.ZodType = amount) => value.nullable();

export const readiness = z
  .object({
    ready: z.boolean(),
    draining: z.boolean().optional(),
    steers: z.boolean().optional().describe('This gateway steers the workers.'),
    redis: z.boolean().optional().describe('Redis has answered lately.'),
    durability: z.enum(DURABILITIES).optional(),
    durable: z.boolean().optional().describe('Accepted jobs outlive a restart of Redis.'),
    problem: z.object({ sentence: z.string(), next: z.string() }).optional().describe('What is wrong with Redis.'),
    failing: z.array(z.string()).optional().describe('Queues whose model fails for most requests.'),
    redis_memory: amount.optional().describe('Share of its `maxmemory`; 0 where it has none.'),
    models: count.optional(),
  })
  .meta({ description: 'With `verbose` all of it, otherwise only `ready`.', examples: [{ ready: true }] });

const latency = z
  .object({ p50_ms: amount, p95_ms: amount, p99_ms: amount })
  .meta({ description: 'Of synchronous requests that succeeded.' });
const latencies = bySomeClasses(latency).extend({ all: maybe(latency) });
const depth = z.object({ depth: count, oldest_ms: amount, active: count });
const batch = z.object({ rows: maybe(), fill: maybe(), efficiency: maybe() });
const raised = z.object({
  metric: z.string(),
  id: z.string(),
  severity: z.enum(SEVERITIES),
  value: z.number(),
  since_ms: amount,
});

const modelFigures = z.object({
  requests_per_s: amount,
  rows_per_s: amount,
  latency: latencies,
  error_rate: maybe(share),
  hit_rate: maybe(share),
  queue: depth,
  batch,
  workers: count,
});

export const sample = z
  .object({
    at_ms: amount,
    covers_ms: amount.describe('Since the sample before.'),
    gateways: count,
    requests_per_s: amount,
    rows_per_s: amount,
    latency: latencies,
    error_rate: maybe(share),
    hit_rate: maybe(share),
    concurrency: amount,
    queue: depth,
    batch,
    sla: bySomeClasses(maybe(share)).describe('Share of the jobs that met the SLA of their class.'),
    memory: z.object({ rss_bytes: amount, processes: count, budget_share: amount }),
    cpu_share: amount.describe('Of the cores of the busiest host.'),
    processes: z.array(processLineSchema),
    redis: z.object({ used_bytes: amount, memory_share: amount, ops_per_s: amount, cpu_cores: amount }),
    models: z.record(z.string(), modelFigures),
    alerts: z.array(raised.extend({ acknowledged_ms: amount.optional() })),
  })
  .meta({ description: 'A second of the cluster. Times in milliseconds since 1970; null: nothing was measured.' });

const spread = z
  .object({ mean: z.number(), median: z.number(), p95: z.number(), p99: z.number() })
  .meta({ description: 'Of a metric over the samples of a window; of latency over its requests.' });
const spreads = maybe(spread);
const summary = z.object({
  samples: count,
  from_ms: maybe(),
  to_ms: maybe(),
  latency_ms: bySomeClasses(spread).extend({ all: spreads }),
  requests_per_s: spreads,
  rows_per_s: spreads,
  error_rate: spreads,
  hit_rate: spreads,
  concurrency: spreads,
  queue_depth: spreads,
  queue_oldest_ms: spreads,
  batch_rows: spreads,
  batch_efficiency: spreads,
  memory_bytes: spreads,
  memory_budget_share: spreads,
  cpu_share: spreads,
  redis_memory_bytes: spreads,
  sla_attainment: bySomeClasses(share),
});
export const performance = summary.extend({ window_ms: count }).meta({ description: 'What a window comes to.' });
export const performanceHistory = z.object({ samples: z.array(sample) });
export const performanceExport = z.object({ exported_at: moment, summary, samples: z.array(sample) });

export const clusterEvent = clusterEventSchema.extend({ id: z.string(), at_ms: amount }).meta({
  description: 'Something that happened: a sentence for people, and the figures and names that it speaks of.',
  examples: [
    {
      id: '1769860800000-0',
      at_ms: 1_769_860_800_000,
      kind: 'scale',
      detail: { sentence: '4 workers instead of 2 are asked for by hand', before: 2, count: 4 },
    },
  ],
});
export const eventList = z.object({ events: z.array(clusterEvent) });

export const alertList = z.object({
  alerts: z.array(raised.extend({ acknowledged_ms: maybe(), sentence: z.string() })),
  rules: z.array(
    z.object({
      metric: z.string(),
      name: z.string(),
      warning: z.number(),
      critical: z.number(),
      worse: z.enum(['lower', 'higher']).describe('On which side of its thresholds a value is bad.'),
    }),
  ),
  told: z.array(clusterEvent).describe('What was told of alerts lately.'),
});
export const alertAcknowledged = z
  .object({ id: z.string(), metric: z.string(), acknowledged_ms: amount })
  .meta({ examples: [{ id: 'queue_depth-mb2k9x', metric: 'queue_depth', acknowledged_ms: 1_769_860_800_000 }] });

export const watchingSchemas = {
  Latencies: latencies,
  QueueFigures: depth,
  BatchFigures: batch,
  ModelFigures: modelFigures,
  Readiness: readiness,
  Latency: latency,
  Sample: sample,
  Spread: spread,
  Performance: performance,
  PerformanceSummary: summary,
  PerformanceHistory: performanceHistory,
  PerformanceExport: performanceExport,
  Event: clusterEvent,
  EventList: eventList,
  AlertList: alertList,
  AlertAcknowledged: alertAcknowledged,
};
