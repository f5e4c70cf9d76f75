/**
 * A second of the cluster. Each gateway tells what it saw itself (`Second`); the one that steers merges them with what workers
 * and queues tell and appends a `Sample`. A sample holds all that its successor needs to go on with, so that a new holder does.
 */
import { z } from 'zod';

import { PRIORITY_CLASSES } from './job.ts';

/** Samples that Redis keeps: an hour. */
export const SAMPLES_KEPT = 3_600;
/** Of all gateways together; they are read within a second or a few. */
export const SECONDS_KEPT = 512;

const count = z.number().min(0);
const share = z.number().min(0).nullable();

/**
 * A histogram as text: for each bucket that is not empty its distance from the one before, base 36, and behind a dot its
 * count where that is not 1.
 */
const histogramTextSchema = z
  .string()
  .max(8_192)
  .regex(/^(?:[0-9a-z]{1,3}(?:\.[0-9a-z]{1,9})?(?: (?!$)|$))*$/);

export const processLineSchema = z.object({
  name: z.string(),
  kind: z.enum(['gateway', 'worker']),
  host: z.string(),
  /** Cores of its host. */
  cores: count,
  /** Cores that it kept busy. */
  cpu_cores: count,
  rss_bytes: count,
  budget_bytes: count,
});
export type ProcessLine = z.infer<typeof processLineSchema>;

const byClass = <T extends z.ZodType>(value: T) => z.partialRecord(z.enum(PRIORITY_CLASSES), value);

export const modelTallySchema = z.object({
  /** Answers to synchronous requests and submits; `errors` of them said 5xx. */
  requests: count,
  errors: count,
  /** Lookups in the cache. */
  hits: count,
  misses: count,
  /** Of synchronous requests that succeeded, ms. */
  latency: byClass(histogramTextSchema),
});
export type ModelTally = z.infer<typeof modelTallySchema>;

export const secondSchema = z.object({
  gateway: z.string(),
  process: processLineSchema,
  /** Requests that it is answering. */
  concurrency: count,
  models: z.record(z.string(), modelTallySchema),
});
export type Second = z.infer<typeof secondSchema>;

const modelSampleSchema = modelTallySchema.extend({
  rows_per_s: count,
  batches_per_s: count,
  depth: count,
  oldest_ms: count,
  active: count,
  workers: count,
  /** Of the workers' last runs: mean rows over the largest batch; rows per busy second over those of the best size. */
  fill: share,
  efficiency: share,
  /** Jobs that ended since the sample before, and those of them that failed. */
  ended: count,
  failed: count,
});
export type ModelSample = z.infer<typeof modelSampleSchema>;

export const SEVERITIES = ['warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What is known of one watched metric; times in ms since 1970. */
export const alertStateSchema = z.object({
  /** Raised and not over. */
  raised: z
    .object({
      id: z.string(),
      severity: z.enum(SEVERITIES),
      value: z.number(),
      since_ms: z.number(),
      acknowledged_ms: z.number().optional(),
    })
    .optional(),
  /** Since when the value has been at least so bad without a break. */
  warning_since_ms: z.number().optional(),
  critical_since_ms: z.number().optional(),
  /** Since when it has been well below what was raised. */
  calm_since_ms: z.number().optional(),
  /** When each severity was told last. */
  told_ms: z.partialRecord(z.enum(SEVERITIES), z.number()),
});
export type AlertState = z.infer<typeof alertStateSchema>;

export const sampleSchema = z.object({
  at_ms: z.number(),
  /** Since the sample before. */
  covers_ms: z.number().positive(),
  /** The last Second that is merged in it. */
  upto: z.string(),
  gateways: count,
  concurrency: count,
  models: z.record(z.string(), modelSampleSchema),
  sla: byClass(z.object({ met: count, violated: count })),
  /** The largest of them; `memory` counts all. */
  processes: z.array(processLineSchema),
  memory: z.object({ rss_bytes: count, processes: count, budget_share: count }),
  /** Of the busiest host's cores. */
  cpu_share: count,
  redis: z.object({ used_bytes: count, memory_share: count, ops_per_s: count, cpu_cores: count }),
  alerts: z.record(z.string(), alertStateSchema),
});
export type Sample = z.infer<typeof sampleSchema>;

/**
 * What every sample says, for packing it (runtime/packed-text.ts): a sample with the names and numbers that most have. A
 * gateway reads no sample that was packed with other words than its own.
 */
export const SAMPLE_WORDS =
  '{"at_ms":17,"covers_ms":1000,"upto":"17-0","gateways":1,"concurrency":0,"models":{"@1":{"requests":0,"errors":0,"hits":0,"misses":0,"latency":{"critical":"","high":"","normal":"","low":"1.2 1.3 2 1 1.4 1.5"},"rows_per_s":0,"batches_per_s":0,"depth":0,"oldest_ms":0,"active":0,"workers":1,"fill":null,"efficiency":null,"ended":0,"failed":0}},"sla":{"critical":{"met":0,"violated":0},"high":{"met":0,"violated":0},"normal":{"met":0,"violated":0},"low":{"met":0,"violated":0}},"processes":[{"name":"","kind":"gateway","host":"","cores":2,"cpu_cores":0.0,"rss_bytes":1,"budget_bytes":536870912},{"name":"","kind":"worker","host":"","cores":2,"cpu_cores":0.0,"rss_bytes":1,"budget_bytes":}],"memory":{"rss_bytes":,"processes":2,"budget_share":0.},"cpu_share":0.,"redis":{"used_bytes":,"memory_share":0,"ops_per_s":,"cpu_cores":0.0},"alerts":{"told_ms":{"warning":17,"critical":17},"raised":{"id":"","severity":"warning","value":,"since_ms":17},"warning_since_ms":17,"critical_since_ms":17,"calm_since_ms":17}}';
