/** The hour of samples, read in pieces: whoever asks for all of it must not hold up the requests of this gateway. */
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { StreamEntry } from '@batchyard/queue/watching';

import { createSummary, figuresOf, type Figures } from '../monitor/figures.ts';
import { parseSample } from './take-sample.ts';

const PIECE = 50;

export function createHistory(samples: () => readonly StreamEntry[]) {
  /** Of the last so many seconds before the newest one. */
  function within(windowMs: number): StreamEntry[] {
    const msOf = ({ id }: StreamEntry): number => Number(id.split('-')[0]);
    const all = samples();
    const last = all.at(-1);
    return last ? all.filter((entry) => msOf(entry) > msOf(last) - windowMs) : [];
  }
  async function* pieces(windowMs: number) {
    const all = within(windowMs);
    for (let i = 0; i < all.length; i += PIECE) {
      yield all.slice(i, i + PIECE).flatMap((entry) => parseSample(entry) ?? []);
      await nextTurn();
    }
  }
  return {
    async summary(windowMs: number): Promise<Record<string, unknown>> {
      const summary = createSummary();
      for await (const piece of pieces(windowMs)) piece.forEach(summary.add);
      return summary.result();
    },
    async *figures(windowMs: number): AsyncGenerator<Figures[]> {
      for await (const piece of pieces(windowMs)) yield piece.map(figuresOf);
    },
  };
}
