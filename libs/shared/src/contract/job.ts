/** What a job is, wherever it is: its classes, kinds, states and the fields of its hash in Redis. */

/** Priority classes from most to least urgent. */
export const PRIORITY_CLASSES = ['critical', 'high', 'normal', 'low'] as const;
export type PriorityClass = (typeof PRIORITY_CLASSES)[number];
export const DEFAULT_CLASS: PriorityClass = 'normal';

/** BullMQ's priority number of each class; 0 and negative numbers outrank all of them and are never used. */
export const CLASS_PRIORITY: Readonly<Record<PriorityClass, number>> = { critical: 1, high: 2, normal: 3, low: 4 };

/** How long a job of the class may wait before its SLA is violated, in ms. */
export const CLASS_SLA_MS: Readonly<Record<PriorityClass, number>> = { critical: 10, high: 30, normal: 100, low: 500 };

/** @returns the class of a BullMQ priority; of what other tools add, 0 counts as normal and beyond 4 as low. */
export function classOfPriority(priority: number): PriorityClass {
  return priority > 4 ? 'low' : (PRIORITY_CLASSES[priority - 1] ?? DEFAULT_CLASS);
}

/** `attached`: its caller waits and it is gone once finished. `durable`: it keeps its result for a while. */
export type JobKind = 'attached' | 'durable';

export const JOB_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** `name` of every job that Batchyard adds. */
export const JOB_NAME = 'infer';
export const DEFAULT_TIMEOUT_MS = 30_000;
export const MAX_TIMEOUT_MS = 24 * 3_600_000;
/** A job id as clients may send it; anything else is unknown. */
export const JOB_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** What a finished job keeps as BullMQ's `returnvalue`: a few bytes, never a tensor. */
export type Receipt = {
  readonly rows: number;
  /** Rows that ran together with this job's. */
  readonly batch_rows: number;
  readonly batch: string;
  readonly worker: string;
  /** Why the batch ran when it did. */
  readonly reason: string;
  readonly run_ms: number;
  /** From the job's entry into its class until its batch ran. */
  readonly queue_ms: number;
  /** Time the latency table predicted for the batch. */
  readonly predicted_ms: number;
  /** The beginning of the signature of what computed it, which may have replaced what it was asked of. */
  readonly signature?: string;
};

export const shortSignature = (signature: string): string => signature.slice(0, 16);

/** The `signature` of a receipt without parsing it; undefined where a worker of an older version has told none. */
export const signatureOf = (receipt: string): string | undefined => /"signature":"([^"]+)"/.exec(receipt)?.[1];
