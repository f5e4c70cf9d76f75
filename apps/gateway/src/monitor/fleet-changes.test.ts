import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fleetChanges, type FleetLook } from './fleet-changes.ts';

const look = (workers: FleetLook['workers'], models: FleetLook['models'] = []): FleetLook => ({ workers, models });
const told = (before: FleetLook, now: FleetLook): string[] =>
  fleetChanges(before, now).map(({ kind, detail }) => `${kind}: ${detail.sentence}`);

test('workers that come, drain and stop are told once', () => {
  const none = look([]);
  const serving = look([{ id: 'a', state: 'serving' }]);
  const draining = look([{ id: 'a', state: 'draining' }]);
  assert.deepEqual(told(none, serving), ['scale: worker a serves now']);
  assert.deepEqual(told(serving, serving), []);
  assert.deepEqual(told(serving, draining), ['drain: worker a drains: it finishes what it holds and takes no more']);
  assert.deepEqual(told(draining, look([{ id: 'a', state: 'stopped' }])), [
    'scale: worker a has stopped in good order',
  ]);
  assert.deepEqual(told(serving, none), []);
});

test('models that come, change their file and go', () => {
  const first = look([], [{ queue: 'm@1', file: 'x' }]);
  assert.deepEqual(told(look([]), first), ['deploy: m@1 is served now']);
  assert.deepEqual(told(first, look([], [{ queue: 'm@1', file: 'y' }])), ['deploy: m@1 has another file now']);
  assert.deepEqual(told(first, look([])), ['deploy: m@1 is gone']);
  assert.deepEqual(told(first, first), []);
});
