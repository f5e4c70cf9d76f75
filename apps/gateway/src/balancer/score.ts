/**
 * What a worker is worth in a queue under `adaptive`: the lower its score, the sooner it takes. Pure.
 *
 *   (0.3 · load + 0.4 · response + 0.3 · failures) / weight · bonus
 *
 * load: busy share of its sessions; response: 1 − 1 / how many times as slow as the fastest it is; failures: share of its
 * jobs; the weights of these are settings. `weight` follows its record: a twentieth up with each second in which its jobs
 * succeed, a fifth down where one fails or it is slow, 0.5 to 2. Bonus: a fifth off where it has succeeded with this model,
 * and a twentieth for each class whose target its batch meets, so that who is quick enough for urgent jobs comes first.
 */
import type { ScoreWeights } from '@batchyard/shared/contract/balancer';
import { CLASS_SLA_MS } from '@batchyard/shared/contract/job';

export type Standing = {
  /** 0 … 1. */
  readonly load: number;
  /** As slow as the fastest, times. */
  readonly times: number;
  /** Share of its jobs that succeed; undefined where none has ended lately. */
  readonly success: number | undefined;
  /** Whether it has ever run a job of this queue. */
  readonly proven: boolean;
  /** How long its batch takes. */
  readonly batchMs: number;
};

const PROVEN = 0.8;
const PER_CLASS = 0.05;

export function scoreOf(standing: Standing, weights: ScoreWeights, weight: number): number {
  const { load, times, success, proven, batchMs } = standing;
  const cost = weights.load * load + weights.response * (1 - 1 / times) + weights.failures * (1 - (success ?? 1));
  const classes = Object.values(CLASS_SLA_MS).filter((slaMs) => batchMs <= slaMs).length;
  return (cost / weight) * (proven ? PROVEN : 1) * (1 - PER_CLASS * classes);
}

const LEAST = 0.5;
const MOST = 2;
const UP = 1.05;
const DOWN = 0.8;

export type AdaptiveWeights = {
  /** Once a second. @returns its weight */
  look(
    worker: string,
    lately: { readonly succeeded: number; readonly failed: number; readonly isSlow: boolean },
  ): number;
  keepOnly(workers: ReadonlySet<string>): void;
};

export function createAdaptiveWeights(): AdaptiveWeights {
  const weights = new Map<string, number>();
  return {
    look(worker, { succeeded, failed, isSlow }) {
      const before = weights.get(worker) ?? 1;
      const factor = failed > 0 || isSlow ? DOWN : succeeded > 0 ? UP : 1;
      const now = Math.min(MOST, Math.max(LEAST, before * factor));
      weights.set(worker, now);
      return now;
    },
    keepOnly(workers) {
      for (const worker of weights.keys()) if (!workers.has(worker)) weights.delete(worker);
    },
  };
}
