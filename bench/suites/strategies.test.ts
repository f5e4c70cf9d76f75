import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createFigures } from '../figures.ts';
import { recordAgainstBest } from './strategies.ts';

test('adaptive is held against whichever of the others is best, by medians', () => {
  const figures = createFigures();
  const rounds = (...goodputs: number[]) => goodputs.map((goodput) => ({ goodput, p99: goodput / 10 }));
  const rows = new Map([
    ['low adaptive', rounds(50, 90, 100)],
    ['low adaptive-waiting', rounds(500)],
    ['low fixed', rounds(80)],
    ['low dynamic', rounds(100, 100, 1_000)],
    ['low latency-optimized', rounds(70)],
  ]);
  recordAgainstBest(figures, 'low', rows);
  assert.deepEqual(figures.list(), [
    { name: 'strategies.low.adaptive.goodput_of_best', value: 0.9, unit: 'x' },
    { name: 'strategies.low.adaptive.p99_over_best_ms', value: 2, unit: 'ms' },
  ]);
});
