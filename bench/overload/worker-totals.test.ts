import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fillOf, metricSum } from './worker-totals.ts';

const TEXT = [
  '# HELP batchyard_batch_rows Rows of a batch',
  'batchyard_batch_rows_bucket{le="8",model="a"} 3',
  'batchyard_batch_rows_sum{model="a"} 40',
  'batchyard_batch_rows_sum{model="b"} 2.5',
  'batchyard_batch_rows_summary 7',
  'plain 12',
].join('\n');

test('a metric is summed over its labels, and others that begin like it are not', () => {
  assert.equal(metricSum(TEXT, 'batchyard_batch_rows_sum'), 42.5);
  assert.equal(metricSum(TEXT, 'plain'), 12);
  assert.equal(metricSum(TEXT, 'absent'), 0);
});

test('fill and efficiency are those of what ran in between', () => {
  const each = (busyS: number) => ({ busyS, bestRowsPerS: 80 });
  const before = { batches: 10, rows: 100, busyS: 1, unwanted: 0, each: new Map([[1, each(1)]]) };
  const after = {
    batches: 20,
    rows: 180,
    busyS: 2,
    unwanted: 0,
    each: new Map([
      [1, each(1.5)],
      [2, each(0.5)],
    ]),
  };
  assert.deepEqual(fillOf(before, after, { maxRows: 16, rowsPerS: 100 }), { fill: 0.5, efficiency: 1, ofRaw: 0.8 });
});
