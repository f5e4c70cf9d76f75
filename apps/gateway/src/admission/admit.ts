/** May this request still be answered in time? Pure: everything it needs to know is told. */
import type { FailureCode } from '@batchyard/shared/contract/failure';
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';
import type { PriorityClass } from '@batchyard/shared/contract/job';

export type Load = {
  readonly draining: boolean;
  /** Serving workers that have the model loaded. */
  readonly workers: number;
  /** Run times of all of them, by batch size. */
  readonly latency: readonly LatencyPoint[];
  /** Share of Redis' maxmemory in use, 0 … 1; 0 where there is no limit. */
  readonly memoryShare: number;
  /** How long a job of this class is predicted to wait until it runs, ms. */
  readonly waitMs: number;
  /** Bytes of the inputs that wait for the model, as a share of what may wait, 0 … 1. */
  readonly bytesShare: number;
  /** How far the gateway is behind with its own work, ms. */
  readonly behindMs: number;
};

export type Asked = {
  readonly priority: PriorityClass;
  readonly timeoutMs: number;
  readonly rows: number;
  /** A caller waits for the answer; a durable job may wait for a worker to come. */
  readonly waits: boolean;
};

export type Admission =
  | { readonly admit: true }
  | { readonly admit: false; readonly code: FailureCode; readonly text: string; readonly retryAfterS: number };

const MEMORY_LIMIT = 0.75;
const MEMORY_LIMIT_LOW = 0.6;
const MEMORY_RETRY_S = 5;
/**
 * A wait is predicted to take up to this share of the time there is. A queue that is filled to the last millisecond serves
 * everybody at the edge of their deadlines: half of that is late by the least disturbance, and was computed for nobody.
 */
const FILL = 0.8;

/**
 * A gateway that is so far behind with reading requests reads on at once only what is more urgent: a refusal by the headers costs
 * a fraction of what is read, parsed and stored. Critical ones are held to their deadline alone.
 */
const BEHIND_LIMIT_MS: Readonly<Record<PriorityClass, number>> = {
  critical: Number.POSITIVE_INFINITY,
  high: 500,
  normal: 300,
  low: 200,
};
/** A request waits for its turn of the event loop when it comes, and when its answer does. */
const TURNS = 2;

const refuse = (code: FailureCode, text: string, retryAfterS: number): Admission => ({
  admit: false,
  code,
  text,
  retryAfterS,
});

/** The time that the workers' tables say a run of these rows takes at best; 0 when nothing is known. */
export function serviceMs(latency: readonly LatencyPoint[], rows: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (const point of latency) if (point.rows >= rows && point.p50_ms < best) best = point.p50_ms;
  return Number.isFinite(best) ? best : 0;
}

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

export function decideAdmission(asked: Asked, load: Load): Admission {
  if (load.draining) return refuse('draining', 'the server is shutting down', 1);
  const limit = asked.priority === 'low' ? MEMORY_LIMIT_LOW : MEMORY_LIMIT;
  if (load.memoryShare >= limit)
    return refuse('overloaded', `Redis uses ${Math.round(load.memoryShare * 100)} % of its memory`, MEMORY_RETRY_S);
  if (load.bytesShare >= 1)
    return refuse('queue_full', 'Exceeds maximum queue size: the inputs that wait are too large', load.waitMs / 1000);
  if (load.workers === 0) return asked.waits ? refuse('model_not_ready', '', 1) : { admit: true };
  if (load.behindMs > BEHIND_LIMIT_MS[asked.priority])
    return refuse('overloaded', `the gateway is ${ms(load.behindMs)} behind with its requests`, load.behindMs / 1000);
  const runMs = serviceMs(load.latency, asked.rows);
  const waitMs = load.waitMs + TURNS * load.behindMs;
  if (waitMs <= FILL * (asked.timeoutMs - runMs)) return { admit: true };
  const misses = waitMs + runMs > asked.timeoutMs ? 'misses' : 'is too close to';
  const text =
    runMs > asked.timeoutMs
      ? `a run takes ${ms(runMs)}, which is more than the deadline of ${ms(asked.timeoutMs)}`
      : `the predicted wait is ${ms(waitMs)} and a run takes ${ms(runMs)}, which ${misses} the deadline of ${ms(asked.timeoutMs)}`;
  return refuse('overloaded', text, waitMs / 1000);
}
