/**
 * Each strategy says how every worker takes from one queue; workers without a rule take what is there. Jobs are never
 * assigned: a strategy says who may take how much and how soon, and the take itself keeps to it, so that nothing waits for
 * the steering. Pure.
 *
 * | strategy | rule |
 * | --- | --- |
 * | `round_robin` | equal turns: who is ahead of another leaves young jobs to it |
 * | `least_connections` | nobody holds more than an equal share of the jobs that wait and run, so the freest takes most |
 * | `weighted_response_time` | turns weighted by 1 / response time |
 * | `adaptive` | as many take at once as the load fills, by score; the others, and who is slow, rest (decide-rests.ts) |
 *
 * A rest and a wait for a turn end at four fifths of the SLA of the job's class at the latest: nobody is idle while a job
 * has waited longer than that.
 */
import type { BalancerStrategy } from '@batchyard/shared/contract/balancer';
import type { TakeRule } from '@batchyard/shared/contract/directive';

import { decideRests, type Demand, type Seat } from './decide-rests.ts';

export type Candidate = Seat & {
  /** Moving average of the run time of its batches, ms. */
  readonly responseMs: number;
};
export type Moment = Demand & { readonly queue: string; readonly candidates: readonly Candidate[] };
/** `reason` in words. */
export type Take = { readonly rule: TakeRule; readonly reason: string };
export type Strategy = (moment: Moment) => ReadonlyMap<string, Take>;

const SHORTEST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 80;
/** One job of forty measures a slow worker again, once a second at most and every ten seconds at least. */
const PROBE_SHARE = 1 / 40;
const PROBE_MS = { least: 1_000, most: 10_000 };

const bounded = (least: number, value: number, most: number): number => Math.min(most, Math.max(least, value));

/** @param weights mean 1 */
function inTurns({ queue, candidates }: Moment, weights: readonly number[], why: (i: number) => string) {
  const slowest = Math.max(...candidates.map(({ responseMs }) => responseMs));
  const waitMs = Math.round(bounded(SHORTEST_WAIT_MS, 2 * slowest, LONGEST_WAIT_MS));
  return new Map(
    candidates.map(({ worker }, i): [string, Take] => {
      const reason = `${queue}: ${why(i)}; past its turn what has waited ${waitMs} ms`;
      return [worker, { rule: { turn: { weight: weights[i] ?? 1, wait_ms: waitMs } }, reason }];
    }),
  );
}

const roundRobin: Strategy = (moment) =>
  inTurns(
    moment,
    moment.candidates.map(() => 1),
    () => `one of ${moment.candidates.length} equal turns`,
  );

const weightedResponseTime: Strategy = (moment) => {
  const rates = moment.candidates.map(({ responseMs }) => 1 / Math.max(0.01, responseMs));
  const all = rates.reduce((sum, rate) => sum + rate, 0);
  const weights = rates.map((rate) => (rate * rates.length) / all);
  return inTurns(moment, weights, (i) => {
    const share = Math.round((100 * (rates[i] ?? 0)) / all);
    return `${share} % of the turns, as its batches take ${moment.candidates[i]?.responseMs.toFixed(1)} ms`;
  });
};

const leastConnections: Strategy = ({ queue, candidates }) =>
  new Map(
    candidates.map(({ worker }): [string, Take] => {
      const reason = `${queue}: holds at most one ${candidates.length}th of what waits and runs`;
      return [worker, { rule: { share_of: candidates.length }, reason }];
    }),
  );

const adaptive: Strategy = ({ queue, candidates, ...demand }) => {
  const jobMs = 1 / Math.max(1e-9, demand.rowsPerMs);
  const probeMs = Math.round(bounded(PROBE_MS.least, jobMs / PROBE_SHARE, PROBE_MS.most));
  return new Map(
    decideRests(queue, candidates, demand).map(({ worker, rule: rest, reason }): [string, Take] => {
      const own = candidates.find((one) => one.worker === worker);
      if (!own?.slow?.is) return [worker, { rule: rest, reason }];
      const jobs = Math.max(1, Math.floor(own.maxRows / own.slow.times));
      const rule = { ...rest, max_jobs: jobs, probe_ms: probeMs };
      return [
        worker,
        { rule, reason: `${reason}; ${jobs} jobs at most, and one each ${probeMs} ms to measure it again` },
      ];
    }),
  );
};

export const STRATEGIES: Readonly<Record<BalancerStrategy, Strategy>> = {
  adaptive,
  round_robin: roundRobin,
  least_connections: leastConnections,
  weighted_response_time: weightedResponseTime,
};
