/** What a gateway keeps of the workers from one look to the next, all that balancing is decided from. Pure. */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createBestRates, type BestRates } from './best-rates.ts';
import { createDemand, type Demand } from './demand.ts';
import { createHealthBook, type Verdict } from './health.ts';
import { createAdaptiveWeights } from './score.ts';
import { createSlownessBook, type Slowness } from './slowness.ts';
import { createTrack, type Track } from './track.ts';

export type Seen = { readonly heartbeat: Heartbeat; readonly silentMs: number };

export type Books = {
  /** Once a second, of all workers that are known. */
  look(workers: readonly Seen[], nowMs: number): void;
  workers(): readonly Heartbeat[];
  /** Those that serve, and were heard of lately. */
  serving(): readonly Heartbeat[];
  verdict(worker: string): Verdict;
  slowness(queue: string, worker: string): Slowness;
  /** Adaptive weight of its score. */
  weight(worker: string): number;
  /** The place of a score among others; it follows only large changes. */
  rank(queue: string, worker: string, score: number): number;
  readonly done: Track['done'];
  readonly rowsPerMs: Demand['rowsPerMs'];
  readonly bestRate: BestRates['look'];
};

/** Later than that a directive would reach nobody. */
const SILENT_MS = 3_500;
/** A score has to grow by so much before the order changes: load alone never does it. */
const BAND = 0.35;

export const queuesOf = (beats: readonly Heartbeat[]): string[] => [
  ...new Set(beats.flatMap(({ models }) => models.map(({ queue }) => queue))),
];

function createRanks() {
  const scores = new Map<string, number>();
  return {
    of(key: string, score: number): number {
      const before = scores.get(key) ?? score;
      const now = Math.abs(score - before) >= BAND || score < BAND / 2 ? score : before;
      scores.set(key, now);
      return Math.floor(now / BAND);
    },
    keepOnly(workers: ReadonlySet<string>): void {
      for (const key of scores.keys()) if (!workers.has(key.slice(key.indexOf(' ') + 1))) scores.delete(key);
    },
  };
}

const runnersOf = (queue: string, beats: readonly Heartbeat[]) =>
  beats.flatMap(({ id, models }) =>
    models
      .filter((model) => model.queue === queue)
      .map(({ latency, recent = [] }) => ({ worker: id, latency, recent })),
  );

export function createBooks(): Books {
  const demand = createDemand();
  const track = createTrack();
  const health = createHealthBook();
  const slow = createSlownessBook();
  const weightBook = createAdaptiveWeights();
  const ranks = createRanks();
  let workers: readonly Heartbeat[] = [];
  let serving: readonly Heartbeat[] = [];
  let verdicts: ReadonlyMap<string, Verdict> = new Map();
  let slowness: ReadonlyMap<string, ReadonlyMap<string, Slowness>> = new Map();
  let weights: ReadonlyMap<string, number> = new Map();
  return {
    look(seen, nowMs) {
      workers = seen.map(({ heartbeat }) => heartbeat);
      serving = seen
        .filter(({ heartbeat, silentMs }) => silentMs < SILENT_MS && heartbeat.state === 'serving')
        .map(({ heartbeat }) => heartbeat);
      demand.look(serving, nowMs);
      track.look(workers, nowMs);
      verdicts = health.judge(new Map(seen.map(({ heartbeat, silentMs }) => [heartbeat.id, silentMs])), track, nowMs);
      slowness = new Map(queuesOf(serving).map((queue) => [queue, slow.look(queue, runnersOf(queue, serving))]));
      const isSlow = (id: string): boolean => [...slowness.values()].some((one) => one.get(id)?.isSlow);
      // Of the last second.
      const lately = (id: string) => ({ ...track.done(id, nowMs - 1), isSlow: isSlow(id) });
      weights = new Map(serving.map(({ id }) => [id, weightBook.look(id, lately(id))]));
      const ids = new Set(workers.map(({ id }) => id));
      weightBook.keepOnly(ids);
      ranks.keepOnly(ids);
    },
    workers: () => workers,
    serving: () => serving,
    verdict: (worker) => verdicts.get(worker) ?? { health: 'healthy', reason: '', failing: false },
    slowness: (queue, worker) => slowness.get(queue)?.get(worker) ?? { times: 1, isSlow: false },
    weight: (worker) => weights.get(worker) ?? 1,
    rank: (queue, worker, score) => ranks.of(`${queue} ${worker}`, score),
    done: track.done,
    rowsPerMs: demand.rowsPerMs,
    bestRate: createBestRates().look,
  };
}
