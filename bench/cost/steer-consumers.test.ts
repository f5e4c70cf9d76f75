import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';

import { createConsumerSteering } from './steer-consumers.ts';

test('no more consumers take at once than this machine has cores, and one always does', () => {
  const steering = createConsumerSteering('q@1');
  const cores = availableParallelism();
  const workers = Array.from({ length: cores + 3 }, () => ({ jobs: 6_400, batches: 100, busyMs: 1_000 }));
  steering.turn(workers, 0);
  const rests = steering.turn(
    workers.map((worker) => ({ ...worker, jobs: worker.jobs + 64_000 })),
    1_000,
  );
  assert.equal(rests.filter((rest) => rest && rest.restWhileTakenMs > 0).length, 3);
  assert.ok(rests.some((rest) => rest === undefined));
  assert.deepEqual(createConsumerSteering('q@1').turn(workers.slice(0, 1), 0), [undefined]);
});
