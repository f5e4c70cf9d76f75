/** May this request still be answered in time? Pure: everything it needs to know is told. */
import type { FailureCode } from '@batchyard/shared/contract/failure';
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';
import type { PriorityClass } from '@batchyard/shared/contract/job';

export type Load = {
  readonly draining: boolean;
  /** Serving workers that have the model loaded. */
  readonly workers: number;
  readonly latency: readonly LatencyPoint[];
  /** Share of Redis' maxmemory in use, 0 … 1; 0 where there is no limit. */
  readonly memoryShare: number;
};

export type Asked = {
  readonly priority: PriorityClass;
  readonly timeoutMs: number;
  readonly rows: number;
  readonly waits: boolean;
};

export type Admission =
  | { readonly admit: true }
  | { readonly admit: false; readonly code: FailureCode; readonly text: string; readonly retryAfterS: number };

const MEMORY_LIMIT = 0.75;
const MEMORY_LIMIT_LOW = 0.6;

const refuse = (code: FailureCode, text: string, retryAfterS: number): Admission => ({
  admit: false,
  code,
  text,
  retryAfterS,
});

/** The time that the workers' tables say a run of these rows takes at best; 0 when nothing is known. */
export function serviceMs(latency: readonly LatencyPoint[], rows: number): number {
  const points = latency.filter((point) => point.rows >= rows).map((point) => point.p50_ms);
  return points.length > 0 ? Math.min(...points) : 0;
}

/** `waits`: a caller waits for the answer; a durable job may wait for a worker to come. */
export function decideAdmission(asked: Asked, load: Load): Admission {
  if (load.draining) return refuse('draining', 'the server is shutting down', 1);
  const limit = asked.priority === 'low' ? MEMORY_LIMIT_LOW : MEMORY_LIMIT;
  if (load.memoryShare >= limit)
    return refuse('overloaded', `Redis uses ${Math.round(load.memoryShare * 100)} % of its memory`, 5);
  if (!asked.waits) return { admit: true };
  if (load.workers === 0) return refuse('model_not_ready', '', 1);
  const needed = serviceMs(load.latency, asked.rows);
  if (needed > asked.timeoutMs) {
    return refuse(
      'overloaded',
      `a run takes ${needed.toFixed(1)} ms, which is more than the deadline of ${asked.timeoutMs} ms`,
      1,
    );
  }
  return { admit: true };
}
