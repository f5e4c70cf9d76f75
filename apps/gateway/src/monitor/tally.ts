/** What one gateway counts between two seconds: answers, errors, lookups and latencies, by model and class. Pure. */
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';
import type { ModelTally } from '@batchyard/shared/contract/sample';

import { createRecorder, encodeHistogram, type Recorder } from './histogram.ts';

export type Answered = {
  readonly queue: string;
  readonly priority: PriorityClass;
  readonly status: number;
  /** Undefined of what did not wait for a result. */
  readonly ms: number | undefined;
};

export type Tally = {
  /** On the way of every request. */
  answered(answer: Answered): void;
  /** By queue, what was counted since the last call. */
  take(lookups: ReadonlyMap<string, { readonly hits: number; readonly misses: number }>): Record<string, ModelTally>;
};

type Counts = { requests: number; errors: number; readonly latency: Map<PriorityClass, Recorder> };

const FAILED = 500;
const OK = 200;

export function createTally(): Tally {
  const models = new Map<string, Counts>();
  const seen = new Map<string, { readonly hits: number; readonly misses: number }>();

  function countsOf(queue: string): Counts {
    const known = models.get(queue);
    if (known) return known;
    const made: Counts = { requests: 0, errors: 0, latency: new Map() };
    models.set(queue, made);
    return made;
  }
  function latencies(latency: Counts['latency']): ModelTally['latency'] {
    const texts = PRIORITY_CLASSES.map(
      (name) => [name, encodeHistogram(latency.get(name)?.take() ?? new Map())] as const,
    );
    return Object.fromEntries(texts.filter(([, text]) => text !== ''));
  }

  return {
    answered({ queue, priority, status, ms }) {
      const counts = countsOf(queue);
      counts.requests += 1;
      if (status >= FAILED) counts.errors += 1;
      if (ms === undefined || status !== OK) return;
      let recorder = counts.latency.get(priority);
      if (!recorder) counts.latency.set(priority, (recorder = createRecorder()));
      recorder.record(ms);
    },
    take(lookups) {
      for (const queue of lookups.keys()) countsOf(queue);
      const taken = [...models].map(([queue, counts]): [string, ModelTally] => {
        const [now, before] = [lookups.get(queue), seen.get(queue)];
        if (now) seen.set(queue, now);
        const tally = {
          requests: counts.requests,
          errors: counts.errors,
          hits: Math.max(0, (now?.hits ?? 0) - (before?.hits ?? 0)),
          misses: Math.max(0, (now?.misses ?? 0) - (before?.misses ?? 0)),
          latency: latencies(counts.latency),
        };
        counts.requests = 0;
        counts.errors = 0;
        return [queue, tally];
      });
      return Object.fromEntries(taken.filter(([, { requests, hits, misses }]) => requests + hits + misses > 0));
    },
  };
}
