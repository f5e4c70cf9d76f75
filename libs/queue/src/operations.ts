/**
 * The batch operations over one queue: what goes in and what comes out of each atomic step. `scripts/*.lua` are the
 * steps themselves and `queue.ts` calls them; gateways and workers program against these types.
 */
import type { FailureCode } from '@batchyard/shared/contract/failure';
import type { HookRecord } from '@batchyard/shared/contract/webhook';
import type { JobKind, PriorityClass } from '@batchyard/shared/contract/job';

/** Jobs one call may carry; larger groups are split by the caller. */
export const MAX_JOBS_PER_CALL = 64;
/** Tensor bytes one call may carry, in or out; a single larger job goes alone. */
export const MAX_BYTES_PER_CALL = 1_048_576;

export type NewJob = {
  readonly id: string;
  readonly kind: JobKind;
  readonly priority: PriorityClass;
  /** Milliseconds left until its deadline when this call is sent. */
  readonly remainingMs: number;
  /** Milliseconds until it goes behind all others of its class; undefined = never. */
  readonly delayMs?: number | undefined;
  readonly rows: number;
  /** Shape group: only jobs of one group run in one batch. */
  readonly group: string;
  /** Gateway whose reply stream gets the outcome; '' when nobody waits. */
  readonly gateway: string;
  readonly tenant: string;
  /** Signature of the model that the input was validated against. */
  readonly signature: string;
  /** Tensor blob (contract/tensor-blob). */
  readonly input: Uint8Array;
  /** Its request's place in a trace (contract/tracing). */
  readonly trace?: string | undefined;
  /** Of durable jobs only. */
  readonly extras?: JobExtras | undefined;
};

export type JobExtras = {
  /** Who is told of its end. Its gateway is WEBHOOKS then. */
  readonly webhook?: HookRecord | undefined;
  /** `name=value,…`, as a view of the job has them. */
  readonly tags?: string | undefined;
  /** Of all jobs with this key one is stored, and the record of it is kept for a day (`claimed`). */
  readonly claim?: { readonly key: string; readonly record: string } | undefined;
};

/**
 * `known`: another job has its claim. `claims_full`: as many claims are kept as may be. `stale`: the call reached Redis more than a second after it was sent. `refused`: Redis said no to the call, or was never
 * sent it; nothing was stored. `unknown`: no answer came; it may have been stored.
 */
export type AddOutcome = 'added' | 'exists' | 'full' | 'known' | 'claims_full' | 'stale' | 'refused' | 'unknown';

export type TakeRequest = {
  /** `<worker>:<incarnation>`: the lock's value and the fence of every later step. */
  readonly token: string;
  /** Batch number, unique in the incarnation: what `markStarted` names. */
  readonly batch: number;
  readonly maxRows: number;
  readonly lockMs: number;
  /** Take nothing while fewer rows than this wait, unless the oldest waited `lingerMs`. */
  readonly minRows?: number;
  readonly lingerMs?: number;
  /**
   * The largest of these sizes that waits is taken at once. While none is reached nothing is taken, unless the batch
   * cannot grow or the oldest waited `lingerMs`; 0 does not wait.
   */
  readonly preferredRows?: readonly number[];
  /** No wait comes closer than this to the deadline of an oldest job, ms. */
  readonly spareMs?: number;
  /**
   * How long a full batch runs, ms. While more waits than fits, an attached job whose deadline is nearer is let go as
   * expired: its caller would be gone, and somebody else's row is computed instead.
   */
  readonly fullMs?: number;
  /** Nothing is taken before the first job of a class has waited so long, or four fifths of the SLA of its class. */
  readonly restMs?: number;
  /** But at once where so many rows wait. */
  readonly restRows?: number;
  /** Nor while anybody has taken jobs of the queue within so long. */
  readonly restWhileTakenMs?: number;
  /** Jobs at most; MAX_JOBS_PER_CALL where it is absent. */
  readonly maxJobs?: number;
  /**
   * Takes in turns: a worker that has taken more rows per weight than another leaves what is younger than `waitMs` (or
   * four fifths of the SLA of its class) to that one.
   */
  readonly turn?: { readonly worker: string; readonly weight: number; readonly waitMs: number };
  /** At most an equal share among so many workers of the jobs that wait and run, less the `held` that the sender has. */
  readonly share?: { readonly workers: number; readonly held: number };
};

export type TakenJob = {
  readonly id: string;
  readonly kind: JobKind;
  readonly priority: PriorityClass;
  /** Absolute, ms, Redis' clock; 0 = none yet. */
  readonly deadlineMs: number;
  /** When it entered its class, ms, Redis' clock. */
  readonly queuedMs: number;
  readonly rows: number;
  readonly group: string;
  readonly signature: string;
  /** Deaths of workers that had started it. A job with one is delivered alone. */
  readonly deaths: number;
  /** Tensor blob, or undefined when another tool added the job: then `data` is an OIP JSON body. */
  readonly input: Buffer | undefined;
  readonly data: string | undefined;
  /** Told where traces are asked for. */
  readonly trace?: string | undefined;
};

export type Taken =
  /** At least one job; `nowMs` is Redis' clock; `waiting` = jobs that still wait. */
  | { readonly kind: 'jobs'; readonly jobs: readonly TakenJob[]; readonly waiting: number; readonly nowMs: number }
  /** Nothing now, but something in `inMs` (minimum age, linger, a delayed job); `filling`: sooner if more jobs come. */
  | { readonly kind: 'later'; readonly inMs: number; readonly nowMs: number; readonly filling: boolean }
  | { readonly kind: 'nothing'; readonly nowMs: number }
  | { readonly kind: 'paused'; readonly nowMs: number }
  /** This incarnation was declared dead: take a new one and drop what is held. */
  | { readonly kind: 'dead' };

export type Finished = {
  readonly id: string;
  /** Tensor blob of the outputs. */
  readonly output: Uint8Array;
  /** JSON of a Receipt. */
  readonly receipt: string;
};

export type BatchStatistics = {
  readonly rows: number;
  /** How long its jobs waited for it, all of them together. */
  readonly queueNs: number;
  readonly inputNs: number;
  readonly inferNs: number;
  readonly outputNs: number;
};

/** `lost`: no longer ours, the result was dropped. `cancelled`: dropped because its caller gave up. */
export type FinishOutcome = 'finished' | 'lost' | 'cancelled';

export type FailedJob = {
  readonly id: string;
  readonly code: FailureCode;
  readonly message: string;
  /** Try again after this many ms, if the job has attempts left. */
  readonly retryInMs?: number;
};

export type CancelOutcome = 'cancelled' | 'running' | 'terminal' | 'unknown';

/** `conflict`: it has not failed, or was cancelled. `gone`: its input is no longer kept. */
export type RetryOutcome = 'retried' | 'conflict' | 'gone' | 'full' | 'unknown';

/** What one job's hash says, without its tensors. Times in ms by Redis' clock. */
export type JobView = {
  readonly id: string;
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'expired';
  readonly kind: JobKind;
  readonly priority: PriorityClass;
  readonly rows: number;
  readonly tenant: string;
  /** `name=value,…`; undefined without any. */
  readonly tags: string | undefined;
  readonly submittedMs: number;
  readonly queuedMs: number;
  readonly deadlineMs: number;
  readonly startedMs: number | undefined;
  readonly finishedMs: number | undefined;
  /** Deliveries so far (BullMQ's `ats`) and attempts made (`atm`). */
  readonly deliveries: number;
  readonly attempts: number;
  readonly worker: string | undefined;
  /** Number of the batch that it is or was in, in the incarnation of that worker. */
  readonly batch: number | undefined;
  /** Workers that ended while they ran it. */
  readonly deaths: number;
  readonly receipt: string | undefined;
  readonly failure: { readonly code: FailureCode; readonly message: string } | undefined;
};

/** One outcome as it arrives on a gateway's reply stream. */
export type Reply = {
  readonly id: string;
  readonly outcome: 'succeeded' | 'failed';
  /** Receipt JSON, or `code: message`. */
  readonly text: string;
  /** Tensor blob; undefined when it failed, or when the result stays in the job's `out` field. */
  readonly output: Buffer | undefined;
};
