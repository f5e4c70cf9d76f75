/** What a load test has found, as it is printed with --json, kept by the gateway, and read again to be compared. */
import { z } from 'zod';

const amount = z.number().min(0);
const count = z.int().min(0);

/** Times in ms; null of nothing. */
export const latencySchema = z.object({
  count,
  mean_ms: amount.nullable(),
  min_ms: amount.nullable(),
  p50_ms: amount.nullable(),
  p90_ms: amount.nullable(),
  p95_ms: amount.nullable(),
  p99_ms: amount.nullable(),
  p999_ms: amount.nullable(),
  p9999_ms: amount.nullable(),
  max_ms: amount.nullable(),
});
export type LatencyFigures = z.infer<typeof latencySchema>;

/** Mean times in ms of a request in the server, as its statistics tell them. */
export const serverSplitSchema = z.object({
  source: z.literal('statistics'),
  requests: count,
  queue_ms: amount,
  compute_input_ms: amount,
  compute_infer_ms: amount,
  compute_output_ms: amount,
  /** Rows that ran together. */
  rows_per_run: amount.nullable(),
  cache_hits: count,
});
export type ServerSplit = z.infer<typeof serverSplitSchema>;

const kindResultSchema = z.object({
  name: z.string(),
  sent: count,
  succeeded: count,
  latency: latencySchema,
});

/** What ended in one second of the step. */
export const secondSchema = z.object({
  at_s: count,
  ended: count,
  failed: count,
  p50_ms: amount.nullable(),
  p99_ms: amount.nullable(),
});
export type SecondFigures = z.infer<typeof secondSchema>;

export const stepResultSchema = z.object({
  name: z.string(),
  mode: z.enum(['open', 'trace', 'closed']),
  /** Requests a second that were to be sent; null in a closed loop, which has no rate of its own. */
  offered_per_s: amount.nullable(),
  /** Of a closed loop. */
  clients: count.nullable(),
  seconds: amount,
  sent: count,
  succeeded: count,
  /** Answered with 503: full, or too late. */
  refused: count,
  failed: count,
  /** Why, and how often. */
  failures: z.record(z.string(), count),
  /** Answered with 200 within these seconds, a second. */
  answered_per_s: amount,
  /** Of successes, from when they were due (in a closed loop: from when they were sent). */
  latency: latencySchema,
  /** Of the same, from when their first byte left. */
  from_send: latencySchema,
  generator: z.object({
    threads: count,
    /** Share of the time in which the busiest was not idle. */
    busy: amount,
    connections: count,
    /** How late it got round to requests. */
    late: latencySchema,
    /** Requests that it was more than 10 ms late for. */
    late_sends: count,
  }),
  kinds: z.array(kindResultSchema),
  seconds_of: z.array(secondSchema),
  server: serverSplitSchema.nullable(),
});
export type StepResult = z.infer<typeof stepResultSchema>;

export const verdictSchema = z.object({
  threshold: z.string(),
  step: z.string(),
  value: z.number().nullable(),
  met: z.boolean(),
});
export type Verdict = z.infer<typeof verdictSchema>;

const kneeSchema = z.object({
  /** The offered rate, or the number of clients, of the step. */
  at: amount,
  step: z.string(),
  answered_per_s: amount,
  p99_ms: amount.nullable(),
});
export type Knee = z.infer<typeof kneeSchema>;

export const scalingSchema = z.object({
  points: z.array(z.object({ workers: z.int().min(1), answered_per_s: amount, p99_ms: amount.nullable() })),
  fit: z
    .object({
      per_worker: amount,
      contention: amount,
      crosstalk: amount,
      r_squared: z.number(),
      /** Beyond it more workers make it slower; null where none do. */
      best_workers: amount.nullable(),
    })
    .nullable(),
});
export type Scaling = z.infer<typeof scalingSchema>;

export const auditSchema = z.object({
  model: z.string(),
  /** How the right answers are known. */
  answers: z.enum(['computed', 'asked before']),
  submitted: count,
  accepted: count,
  refused: count,
  /** No answer came: whether they were accepted cannot be known. */
  unknown: count,
  succeeded: count,
  wrong: count,
  failed: count,
  lost: count,
  /** Ids given twice, and jobs that the queue counts as completed beyond those accepted; null where it cannot be asked. */
  duplicated: count.nullable(),
  /** Delivered more than once, as happens when a worker dies; their result is still one. */
  redelivered: count,
  seconds: amount,
  examples: z.array(z.string()),
});
export type Audit = z.infer<typeof auditSchema>;

export const FORMAT = 1;
export const loadReportSchema = z.object({
  format: z.literal(FORMAT),
  started_at: z.iso.datetime(),
  target: z.string(),
  models: z.array(z.string()),
  steps: z.array(stepResultSchema),
  knee: kneeSchema.nullable(),
  /** The highest rate that met these thresholds, with all lower ones; null when none did. */
  slo: z.object({ thresholds: z.array(z.string()), rate: amount.nullable(), step: z.string().nullable() }).nullable(),
  verdicts: z.array(verdictSchema),
  scaling: scalingSchema.nullable(),
  audit: auditSchema.nullable(),
  /** What a reader should know before believing the figures. */
  notes: z.array(z.string()),
  stopped: z.boolean(),
});
export type LoadReport = z.infer<typeof loadReportSchema>;
