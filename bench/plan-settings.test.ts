import assert from 'node:assert/strict';
import { test } from 'node:test';

import { changedPlan, readSettings } from './plan-settings.ts';
import { planFor } from './plan.ts';

const plan = planFor(false);

test('single levels and numbers are changed, the rest stays as it was', () => {
  const changed = changedPlan(plan, ['fill.workers=8', 'overload.factors=0.7,10', 'overload.seconds=5']);
  assert.deepEqual(changed.fill, { ...plan.fill, workers: [8] });
  assert.deepEqual(changed.overload, { ...plan.overload, factors: [0.7, 10], seconds: 5 });
  assert.deepEqual(changed.cost, plan.cost);
  assert.notDeepEqual(plan.fill.workers, [8]);
});

test('what is no setting, or no number, is refused', () => {
  for (const wrong of [
    'fill.worker=8',
    'nothing.workers=8',
    'fill.workers=',
    'fill.seconds=1,2',
    'http.cases=1',
    'fill',
  ])
    assert.throws(() => changedPlan(plan, [wrong]), wrong);
});

test('settings of the system are names with values', () => {
  const settings = ['BATCHYARD_WORKER_NICE=5', 'BATCHYARD_TUNING=a=b'];
  assert.deepEqual(readSettings(settings), { BATCHYARD_WORKER_NICE: '5', BATCHYARD_TUNING: 'a=b' });
  for (const wrong of ['BATCHYARD_WORKER_NICE', 'BATCHYARD_WORKER_NICE=', '=5', 'nice=5'])
    assert.throws(() => readSettings([wrong]), wrong);
});
