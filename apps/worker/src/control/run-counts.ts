/** What the runs of each queue came to, as the heartbeat tells it. */
import type { RecentRun } from '@batchyard/shared/contract/heartbeat';

export type Run = { readonly queue: string; readonly jobs: number; readonly rows: number; readonly runMs: number };

type Counts = { rows: number; batches: number; succeeded: number; failed: number; recent: RecentRun[] };

export type RunCounts = {
  ran(run: Run): void;
  /** Jobs, because their run did. */
  jobFailed(queue: string, jobs: number): void;
  /** `response_ms` is absent before the first run. */
  told(queue: string): Counts & { response_ms?: number };
};

const SMOOTHING = 0.1;
const RECENT_RUNS = 5;

/** Moving average of run times. */
export const smoothed = (before: number | undefined, ms: number): number =>
  before === undefined ? ms : before + SMOOTHING * (ms - before);

export function createRunCounts(): RunCounts {
  const counts = new Map<string, Counts>();
  const responses = new Map<string, number>();
  function of(queue: string): Counts {
    const own = counts.get(queue) ?? { rows: 0, batches: 0, succeeded: 0, failed: 0, recent: [] };
    counts.set(queue, own);
    return own;
  }
  return {
    ran({ queue, jobs, rows, runMs }) {
      const own = of(queue);
      own.rows += rows;
      own.batches += 1;
      own.succeeded += jobs;
      own.recent = [...own.recent, { rows, ms: runMs }].slice(-RECENT_RUNS);
      responses.set(queue, smoothed(responses.get(queue), runMs));
    },
    jobFailed(queue, jobs) {
      of(queue).failed += jobs;
    },
    told(queue) {
      const responseMs = responses.get(queue);
      return { ...of(queue), ...(responseMs === undefined ? {} : { response_ms: responseMs }) };
    },
  };
}
