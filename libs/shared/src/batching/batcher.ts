/** All that decides the batches of one model while it serves: its settings, and what its runs have taught. */
import type { Batching } from '../contract/batching.ts';
import type { CapChange } from '../contract/heartbeat.ts';

import { createArrivals } from './arrivals.ts';
import {
  decideRun,
  decideTake,
  type BatchPolicy,
  type Moment,
  type RunDecision,
  type TakeDecision,
} from './decide-batch.ts';
import type { LatencyBook } from './latency-model.ts';
import { createSafetyCap } from './safety-cap.ts';

/** All of one shape group. */
type Jobs = readonly (Parameters<typeof decideRun>[0][number] & { readonly group: string })[];

export type Batcher = {
  /** New settings hold from the next take on. */
  set(batching: Batching): void;
  /** @param batch number of the batch @param leadMs until it can run */
  nextTake(batch: number, nowMs: number, leadMs: number): TakeDecision;
  /** A take brought `rows` and left `waiting` behind. */
  took(rows: number, waiting: number, nowMs: number): void;
  nextRun(jobs: Jobs, moment: Moment): RunDecision;
  /** A run begins: @returns what tells of its end. */
  begin(run: { rows: number; group: string; slackMs: number }, nowMs: number): (nowMs: number) => void;
  state(): { readonly batching: Batching; readonly cap: number; readonly changes: readonly CapChange[] };
};

export function createBatcher(latency: LatencyBook, first: Batching): Batcher {
  let batching = first;
  const arrivals = createArrivals();
  const cap = createSafetyCap(() => batching.max_rows);
  const policy = (): BatchPolicy => ({
    strategy: batching.strategy,
    maxRows: Math.min(batching.max_rows, cap.rows()),
    maxWaitMs: batching.max_wait_ms,
    preferredRows: batching.preferred_rows,
    targetMs: batching.target_ms,
  });
  return {
    set(next) {
      batching = next;
    },
    nextTake: (batch, nowMs, leadMs) => decideTake(policy(), latency, { batch, leadMs }, arrivals.rowsPerMs(nowMs)),
    took: arrivals.took,
    nextRun: (jobs, moment) => decideRun(jobs, policy(), latency.of(jobs[0]?.group ?? '-'), moment),
    begin({ rows, group, slackMs }, beganMs) {
      const promisedMs = latency.of(group).p99(rows);
      return (nowMs) => cap.ran({ rows, promisedMs, tookMs: nowMs - beganMs, slackMs }, nowMs);
    },
    state: () => ({ batching, cap: Math.min(batching.max_rows, cap.rows()), changes: cap.history() }),
  };
}
