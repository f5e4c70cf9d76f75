import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ScaleWish, SupervisorReport } from '@batchyard/shared/contract/scaling';

import type { Child } from './child.ts';
import { createWorkerPool } from './worker-pool.ts';

function pool() {
  const retired: number[] = [];
  const ends: (() => void)[] = [];
  const reports: SupervisorReport[] = [];
  const changes: string[] = [];
  const state = { started: 0, wish: undefined as ScaleWish | undefined, away: false };
  const made = createWorkerPool({
    id: 's',
    host: 'h',
    range: { min: 1, max: 3, auto: true },
    startWorker() {
      const number = (state.started += 1);
      const retire = (): Promise<void> => {
        retired.push(number);
        return new Promise((resolve) => ends.push(resolve));
      };
      return { retire } as unknown as Child;
    },
    async report(said) {
      if (state.away) throw new Error('away');
      reports.push(said);
      return state.wish;
    },
    changed: (_sentence, from, to) => changes.push(`${from} to ${to}`),
  });
  const wish = (count: number): void => void (state.wish = { count, by: 'hand', reason: 'a test' });
  return { ...made, retired, ends, reports, changes, state, wish };
}

test('it keeps what is wished within its range, tells each change once, and the youngest are retired', async () => {
  const { keep, kept, turn, wish, changes, retired, reports, state } = pool();
  keep(1);
  wish(9);
  await turn();
  await turn();
  assert.equal(kept().length, 3);
  wish(1);
  await turn();
  assert.deepEqual(
    { changes, retired, started: state.started },
    {
      changes: ['1 to 3', '3 to 1'],
      retired: [2, 3],
      started: 3,
    },
  );
  assert.deepEqual(
    reports.map(({ workers }) => workers),
    [1, 3, 3],
  );
});

test('without Redis, without a wish and once closed everything stays as it is; who drains is still known', async () => {
  const { keep, kept, all, turn, wish, ends, state, close } = pool();
  keep(2);
  await turn();
  state.away = true;
  wish(1);
  await turn();
  assert.equal(kept().length, 2);
  state.away = false;
  await turn();
  assert.deepEqual([kept().length, all().length], [1, 2]);
  ends.forEach((end) => end());
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(all().length, 1);
  close();
  wish(3);
  await turn();
  assert.equal(kept().length, 1);
});
