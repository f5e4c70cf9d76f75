/** What the operations port tells, as far as the page reads it. */
export type Latency = { p50_ms: number; p95_ms: number; p99_ms: number } | null;

export type ModelFigures = {
  requests_per_s: number;
  rows_per_s: number;
  latency: { all: Latency };
  error_rate: number | null;
  hit_rate: number | null;
  queue: { depth: number; oldest_ms: number; active: number };
  batch: { rows: number | null; fill: number | null };
  workers: number;
};
export type RaisedAlert = { metric: string; severity: 'warning' | 'critical'; value: number; id: string };
export type Sample = {
  at_ms: number;
  gateways: number;
  requests_per_s: number;
  rows_per_s: number;
  latency: { all: Latency };
  error_rate: number | null;
  hit_rate: number | null;
  concurrency: number;
  queue: { depth: number; oldest_ms: number; active: number };
  batch: { rows: number | null; fill: number | null };
  cpu_share: number;
  memory: { rss_bytes: number };
  redis: { memory_share: number };
  models: Record<string, ModelFigures>;
  alerts: RaisedAlert[];
};
export type ClusterEvent = { id: string; at_ms: number; kind: string; detail: { sentence: string; what?: string } };

export type Worker = {
  id: string;
  host: string;
  pid: number;
  state: string;
  models: string[];
  rests: Record<string, number>;
  reason: string | null;
  in_flight: number;
  load: number;
  response_ms: number;
  rss_bytes: number;
  started_at: number;
  last_seen_ms: number;
};
export type Failed = { code: string; message: string };
export type JobLine = {
  id: string;
  queue: string;
  model: string;
  status: string;
  kind: string;
  priority: string;
  rows: number;
  submitted_at: string;
  total_ms: number | null;
  worker: string | null;
  attempts: number;
  deliveries: number;
  error: Failed | null;
};
export type TensorSummary = {
  name: string;
  datatype: string;
  shape: number[];
  bytes: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  not_finite: number;
  sampled: boolean;
};
export type Job = JobLine & {
  deaths: number;
  position: number | null;
  timeline: {
    submitted: number;
    queued: number | null;
    started: number | null;
    ran_from: number | null;
    finished: number | null;
    deadline: number | null;
  };
  batch: {
    batch: string;
    batch_rows: number;
    reason: string;
    run_ms: number;
    queue_ms: number;
    predicted_ms: number;
  } | null;
  batch_mates: JobLine[];
  hint: string | null;
  inputs: TensorSummary[] | null;
  outputs: TensorSummary[] | null;
  can_retry: boolean;
};
export type TensorSpec = { name: string; datatype: string; shape: number[]; optional: boolean };
export type Model = {
  name: string;
  version: string;
  queue: string;
  workers: number;
  max_batch_size: number;
  inputs: TensorSpec[];
  outputs: TensorSpec[];
};
export type QueueLine = {
  queue: string;
  model: string;
  version: string;
  paused: boolean;
  failed: number;
  depth: number;
};
export type FailureGroup = {
  queue: string;
  model: string;
  code: string;
  error: string;
  count: number;
  last_at: string;
  example: string;
  hint: string;
};
export type RedisFacts = {
  url: string;
  version: string;
  used_bytes: number;
  max_bytes: number;
  policy: string;
  append_only: boolean;
  fsync: string | null;
  last_save_failed: boolean;
  ops_per_s: number;
  clients: number;
  evicted_keys: number;
};
export type Alert = RaisedAlert & { since_ms: number; acknowledged_ms: number | null; sentence: string };
type Measured = { readonly samples: number; readonly mean: number; readonly deviation: number };
/** A run of the optimizer: its target metric before and after. */
export type Optimization = {
  readonly rule: string;
  readonly at_ms: number;
  readonly metric: string;
  readonly reason: string;
  readonly before: Measured;
  readonly after?: Measured;
  readonly outcome: string;
};

export type LoadSecond = { at_s: number; ended: number; failed: number; p50_ms: number | null; p99_ms: number | null };
export type LoadStep = {
  name: string;
  offered_per_s: number | null;
  answered_per_s: number;
  sent: number;
  failed: number;
  p50_ms: number | null;
  p90_ms: number | null;
  p99_ms: number | null;
  p999_ms: number | null;
  max_ms: number | null;
  late_p99_ms: number | null;
};
export type LoadRun = {
  id: string;
  state: 'running' | 'done' | 'stopped' | 'failed';
  started_at: string;
  asked: { model: string; priority: string; rate: number | null; clients: number | null; seconds: number };
  error: string | null;
  steps: LoadStep[];
  knee: string | null;
  notes: string[];
  now: { step: string; index: number; steps: number; open: number; seconds: LoadSecond[] } | null;
};
