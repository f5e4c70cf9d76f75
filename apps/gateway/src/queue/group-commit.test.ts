import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { AddOutcome, NewJob } from '@batchyard/queue/operations';

import { createGroupCommit } from './group-commit.ts';

const job = (id: string): NewJob => ({
  id,
  kind: 'attached',
  priority: 'normal',
  remainingMs: 1_000,
  rows: 1,
  group: '-',
  gateway: 'g',
  tenant: '-',
  signature: 's',
  input: new Uint8Array(1),
});

function puppet(answer: (queue: string, jobs: readonly NewJob[]) => Promise<AddOutcome[]>) {
  const calls: [string, number][] = [];
  const flushes: (() => void)[] = [];
  const add = createGroupCommit(
    (queue, jobs) => {
      calls.push([queue, jobs.length]);
      return answer(queue, jobs);
    },
    (flush) => flushes.push(flush),
  );
  return { add, calls, flush: () => flushes.splice(0).forEach((run) => run()) };
}

test('jobs of one turn go out in one call for each queue, and each hears its own outcome', async () => {
  const { add, calls, flush } = puppet(async (_queue, jobs) => jobs.map((one) => (one.id === 'b' ? 'full' : 'added')));
  const outcomes = Promise.all([add('m@1', job('a')), add('n@1', job('c')), add('m@1', job('b'))]);
  flush();
  assert.deepEqual(await outcomes, ['added', 'added', 'full']);
  assert.deepEqual(calls, [
    ['m@1', 2],
    ['n@1', 1],
  ]);
});

test('a failed call fails those it carried, and the next turn starts afresh', async () => {
  let broken = true;
  const { add, flush } = puppet(async (_queue, jobs) => {
    if (broken) throw new Error('away');
    return jobs.map(() => 'added');
  });
  const first = add('m@1', job('a'));
  flush();
  await assert.rejects(first, /away/);
  broken = false;
  const second = add('m@1', job('b'));
  flush();
  assert.equal(await second, 'added');
});
