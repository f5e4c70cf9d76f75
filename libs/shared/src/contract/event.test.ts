import assert from 'node:assert/strict';
import { test } from 'node:test';

import { workerEnded } from './event.ts';

test('a worker that ended as it was told to is told as drained, any other as killed', () => {
  assert.deepEqual(workerEnded('w', 3, false), {
    kind: 'kill',
    detail: { sentence: 'worker w is dead; 3 of its jobs wait again', worker: 'w', jobs: 3 },
  });
  assert.deepEqual(workerEnded('w', 0, true), {
    kind: 'drain',
    detail: { sentence: 'worker w has drained and ended', worker: 'w', jobs: 0 },
  });
  assert.match(workerEnded('w', 2, true).detail.sentence, /; 2 of its jobs wait again$/);
});
