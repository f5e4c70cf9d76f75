/**
 * What a gateway that steers would say to consumers: the product's own decisions, asked once a second with what the
 * consumers have done since. Without it each takes whatever is there, which no cluster does.
 */
import { availableParallelism, hostname } from 'node:os';

import { createBestRates } from '../../apps/gateway/src/balancer/best-rates.ts';
import { decideRests } from '../../apps/gateway/src/balancer/decide-rests.ts';
import { CONSUMER_ROWS, type TakeRest } from '../queue-load/job-payload.ts';

/** Of one consumer since it began. */
export type Worked = { readonly jobs: number; readonly batches: number; readonly busyMs: number };

export type ConsumerSteering = {
  /** @returns for each consumer how it rests; undefined: it takes at once */
  turn(workers: readonly Worked[], nowMs: number): readonly (TakeRest | undefined)[];
};

const TYPICAL_MS = 10;

export function createConsumerSteering(queue: string): ConsumerSteering {
  const bestRates = createBestRates();
  let before: { readonly jobs: number; readonly atMs: number } | undefined;
  return {
    turn(workers, nowMs) {
      const jobs = workers.reduce((sum, worker) => sum + worker.jobs, 0);
      const rowsPerMs = before ? (jobs - before.jobs) / Math.max(1, nowMs - before.atMs) : 0;
      before = { jobs, atMs: nowMs };
      const post = { host: hostname(), cores: availableParallelism(), threads: 1 };
      const seats = workers.map(({ batches, busyMs }, i) => {
        const batchMs = batches > 0 ? busyMs / batches : TYPICAL_MS;
        return { worker: String(i), rowsPerMs: CONSUMER_ROWS / batchMs, batchMs, post, maxRows: CONSUMER_ROWS };
      });
      const best = bestRates.look(queue, Math.max(...seats.map((seat) => seat.rowsPerMs)));
      const demand = { rowsPerMs, best, busyCores: rowsPerMs * Math.min(...seats.map(({ batchMs }) => batchMs)) };
      const rests = new Map(decideRests(queue, seats, demand).map(({ worker, rule }) => [worker, rule]));
      return workers.map((_, i) => {
        const rule = rests.get(String(i));
        if (!rule) return undefined;
        return { restMs: rule.rest_ms, restRows: rule.rest_rows ?? 0, restWhileTakenMs: rule.rest_while_taken_ms ?? 0 };
      });
    },
  };
}
