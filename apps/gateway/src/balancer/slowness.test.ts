import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createSlownessBook, type Runner } from './slowness.ts';

const latency = [
  { rows: 1, p50_ms: 5, p99_ms: 6 },
  { rows: 16, p50_ms: 20, p99_ms: 25 },
];
const runner = (worker: string, runs: readonly [number, number][]): Runner => ({
  worker,
  latency,
  recent: runs.map(([rows, ms]) => ({ rows, ms })),
});

test('batches of any size are compared by what they take at best', () => {
  const slow = createSlownessBook().look('m@1', [
    runner('a', [
      [16, 20],
      [16, 22],
      [8.5, 12.5],
    ]),
    runner('b', [[1, 25]]),
    runner('c', []),
  ]);
  assert.deepEqual(slow.get('a'), { times: 1, isSlow: false });
  assert.deepEqual(slow.get('b'), { times: 5, isSlow: true });
  assert.deepEqual(slow.get('c'), { times: 1, isSlow: false });
});

test('one long run among five is chance, two are not, and it is fast again only well below the bound', () => {
  const book = createSlownessBook();
  const look = (...ms: number[]) =>
    book
      .look('m@1', [
        runner('a', [[1, 5]]),
        runner(
          'b',
          ms.map((one) => [1, one]),
        ),
      ])
      .get('b')?.isSlow;
  assert.equal(look(5, 5, 50, 5, 5), false);
  assert.equal(look(5, 30, 5, 5, 30), true);
  assert.equal(look(5, 5, 50, 50, 50), true);
  assert.equal(look(10, 10, 10, 10, 10), true);
  assert.equal(look(7, 7, 7, 7, 7), false);
  assert.equal(look(10, 10, 10, 10, 10), false);
});

test('who was somewhat slow and runs nothing is forgiven by and by; who is slow is not, as it is measured again', () => {
  const book = createSlownessBook();
  const look = (somewhat: number, slow: number) =>
    book.look('m@1', [runner('a', [[1, 5]]), runner('b', [[1, somewhat]]), runner('c', [[1, slow]])]);
  assert.equal(look(7.5, 50).get('b')?.times, 1.5);
  for (let second = 1; second < 10; second += 1) look(7.5, 50);
  const later = look(7.5, 50);
  assert.ok((later.get('b')?.times ?? 9) < 1.2);
  assert.deepEqual(later.get('c'), { times: 10, isSlow: true });
  // A run that says so again counts whole.
  assert.equal(look(8, 50).get('b')?.times, 1.6);
});
