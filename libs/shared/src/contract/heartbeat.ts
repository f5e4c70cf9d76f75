/** What a worker tells of itself, once a second, through Redis. */
import { z } from 'zod';

import { batchingSchema } from './batching.ts';
import { workerMemorySchema } from './memory.ts';

export const WORKER_STATES = ['starting', 'serving', 'draining', 'stopped'] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

/** p50 and p99 run time in ms of a batch of `rows` rows. */
export const latencyPointSchema = z.object({ rows: z.int().min(1), p50_ms: z.number(), p99_ms: z.number() });
export type LatencyPoint = z.infer<typeof latencyPointSchema>;

const recentRunSchema = z.object({ rows: z.int().min(1), ms: z.number() });
export type RecentRun = z.infer<typeof recentRunSchema>;

/** One change of the cap on a model's batches, and why. */
const capChangeSchema = z.object({ at_ms: z.number(), from: z.int(), to: z.int(), reason: z.string() });
export type CapChange = z.infer<typeof capChangeSchema>;

export const loadedModelSchema = z.object({
  queue: z.string(),
  signature: z.string(),
  sessions: z.int().min(0),
  intra_op_threads: z.int().min(1),
  latency: z.array(latencyPointSchema),
  /** Rows that it has run since it began; absent from workers of older versions. */
  rows: z.int().min(0).optional(),
  batches: z.int().min(0).optional(),
  /** Of its last runs: mean rows over the largest batch; rows per busy second over those of the best size. */
  fill: z.number().min(0).optional(),
  efficiency: z.number().min(0).optional(),
  /** Jobs that it has run since it began, and those that failed because a run did. */
  succeeded: z.int().min(0).optional(),
  failed: z.int().min(0).optional(),
  /** Moving average (factor 0.1) of the run time of its batches; absent before the first. */
  response_ms: z.number().optional(),
  /** Its last runs, the newest last: what it does now, where the table tells of the last hundreds. */
  recent: z.array(recentRunSchema).optional(),
  /** Share of the time since the last beat in which it ran, 0 … 1. */
  busy: z.number().min(0).optional(),
  /** How long it leaves the queue to others, ms; 0 = it takes at once. */
  rest_ms: z.number().min(0).optional(),
  /** What its batches are formed by now; absent from workers of older versions. */
  batching: z
    .object({
      ...batchingSchema.shape,
      /** Rows of a batch at most, as the safety loop bounds it now. */
      cap: z.int().min(1),
      /** The last changes of the cap; `at_ms` since that worker began. */
      changes: z.array(capChangeSchema),
    })
    .optional(),
  /** Further signatures of jobs that it can run, of files that were replaced. */
  also: z.array(z.string()).optional(),
  /** It finishes what was asked of it, and is not to be asked any more. */
  leaving: z.boolean().optional(),
});

export type LoadedModel = z.infer<typeof loadedModelSchema>;

export const heartbeatSchema = z.object({
  id: z.string(),
  token: z.string(),
  pid: z.int(),
  host: z.string(),
  /** That the worker's host, or container, may use; absent in the beats of older workers. */
  cores: z.number().positive().optional(),
  version: z.string(),
  state: z.enum(WORKER_STATES),
  models: z.array(loadedModelSchema),
  /** Of the directive that it follows, in words; absent where it follows none. */
  reason: z.string().optional(),
  in_flight: z.int().min(0),
  capacity_rows: z.int().min(0),
  /** Busy share of the session threads since the last beat, 0 … 1. */
  load: z.number(),
  /** Moving average (factor 0.1) of the run time of a batch. */
  response_ms: z.number(),
  batches: z.int().min(0),
  rows: z.int().min(0),
  failures: z.int().min(0),
  rss_bytes: z.int().min(0),
  /** Cores that it kept busy since the last beat, and those of its host; absent in the beats of older workers. */
  cpu_cores: z.number().min(0).optional(),
  host_cores: z.int().min(1).optional(),
  slab_bytes: z.int().min(0),
  /** Absent in the beats of older workers. */
  memory: workerMemorySchema.optional(),
  loop_delay_ms: z.number(),
  ops_port: z.int(),
  /** Its connections to Redis carry `connectionName`, so that their absence says something. */
  named: z.boolean().optional(),
  started_at: z.int(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** What Redis' CLIENT LIST calls the connections of a worker. */
const NAME = 'batchyard-worker:';
export const connectionName = (worker: string): string => NAME + encodeURIComponent(worker);
/** The inverse; undefined for the name of anything else. */
export const workerOfConnection = (name: string): string | undefined =>
  name.startsWith(NAME) ? decodeURIComponent(name.slice(NAME.length)) : undefined;
