/** All that decides the batches of one model while it serves: its settings, and what its runs have taught. */
import type { Batching } from '@batchyard/shared/contract/batching';

import { decideRun, decideTake, type BatchPolicy, type RunDecision, type TakeDecision } from './decide-batch.ts';
import type { LatencyModel } from './latency-model.ts';

export type Batcher = {
  /** New settings hold from the next take on. */
  set(batching: Batching): void;
  /** @param batch number of the batch */
  nextTake(batch: number): TakeDecision;
  /** @param nowMs of the clock that the jobs' deadlines are of */
  nextRun(jobs: Parameters<typeof decideRun>[0], nowMs: number): RunDecision;
};

const policyOf = (batching: Batching): BatchPolicy => ({
  strategy: batching.strategy,
  maxRows: batching.max_rows,
  maxWaitMs: batching.max_wait_ms,
  preferredRows: batching.preferred_rows,
  targetMs: batching.target_ms,
});

export function createBatcher(latency: LatencyModel, first: Batching): Batcher {
  let policy = policyOf(first);
  return {
    set(batching) {
      policy = policyOf(batching);
    },
    nextTake: (batch) => decideTake(policy, latency, batch),
    nextRun: (jobs, nowMs) => decideRun(jobs, policy, latency, nowMs),
  };
}
