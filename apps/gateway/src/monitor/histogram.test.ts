import assert from 'node:assert/strict';
import { test } from 'node:test';

import { modelTallySchema } from '@batchyard/shared/contract/sample';
import fc from 'fast-check';

import {
  countOf,
  createRecorder,
  decodeHistogram,
  EMPTY,
  encodeHistogram,
  meanOf,
  mergeHistograms,
  quantile,
  RELATIVE_ERROR,
  type Histogram,
} from './histogram.ts';

const durations = fc.array(fc.double({ min: 0.01, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 200 });
function histogramOf(values: readonly number[]): Histogram {
  const recorder = createRecorder();
  values.forEach(recorder.record);
  return recorder.take();
}
const sorted = (histogram: Histogram): unknown => [...histogram].sort(([a], [b]) => a - b);
const near = (found: number | undefined, exact: number): boolean =>
  found !== undefined && Math.abs(found - exact) <= exact * (RELATIVE_ERROR + 1e-9);

test('merged histograms are the histogram of what was merged, in any order', () => {
  fc.assert(
    fc.property(durations, durations, durations, (a, b, c) => {
      const [first, second, third] = [histogramOf(a), histogramOf(b), histogramOf(c)];
      const all = sorted(histogramOf([...a, ...b, ...c]));
      assert.deepEqual(sorted(mergeHistograms([first, second, third])), all);
      assert.deepEqual(sorted(mergeHistograms([third, mergeHistograms([second, first]), EMPTY])), all);
    }),
  );
});

test('every quantile and the mean are within two per cent of the true ones', () => {
  assert.ok(RELATIVE_ERROR < 0.02);
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const exact = values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? 0;
      assert.ok(near(quantile(histogramOf(values), q), exact));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      assert.ok(near(meanOf(histogramOf(values)), mean));
    }),
  );
});

test('a histogram survives being written and read, and the contract takes the text', () => {
  fc.assert(
    fc.property(durations, (values) => {
      const text = encodeHistogram(histogramOf(values));
      assert.deepEqual(sorted(decodeHistogram(text)), sorted(histogramOf(values)));
      const tally = { requests: 0, errors: 0, hits: 0, misses: 0, latency: { low: text } };
      assert.ok(modelTallySchema.safeParse(tally).success, text);
    }),
  );
  assert.equal(encodeHistogram(EMPTY), '');
  assert.deepEqual(decodeHistogram(''), EMPTY);
  const broken = { requests: 0, errors: 0, hits: 0, misses: 0, latency: { low: '1.2 ; 3' } };
  assert.ok(!modelTallySchema.safeParse(broken).success);
});

test('nothing has no quantile, and what is out of range is counted at its end', () => {
  assert.equal(quantile(EMPTY, 0.5), undefined);
  assert.equal(meanOf(EMPTY), undefined);
  const ends = histogramOf([0, -1, 1e12]);
  assert.equal(countOf(ends), 3);
  assert.equal(quantile(ends, 0), 0.01);
  assert.ok((quantile(ends, 1) ?? 0) >= 1e7 * (1 - RELATIVE_ERROR));
});

test('a recorder that was taken from begins anew', () => {
  const recorder = createRecorder();
  recorder.record(5);
  assert.equal(countOf(recorder.take()), 1);
  assert.equal(countOf(recorder.take()), 0);
  recorder.record(1);
  assert.ok(near(quantile(recorder.take(), 1), 1));
});
