import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { FailedJob, TakenJob } from '@batchyard/queue/operations';

import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import { createRunBatch } from './run-batch.ts';
import type { NamedTensor, ServedModel } from './run-rows.ts';
import { bytesOf, deferred, inputOf, jobOf, MODEL, QUEUE, valuesIn, valuesOf } from './testing/samples.ts';

const ticket = { worker: 'w', token: 'w:1', batch: 1, takenAt: 0, takenMs: 0, lockedAt: () => 0 };
const LOCK_MS = 300;
const ANSWERED = { finished: [['a', [-1]]], failed: [] };

/** Takes the buffers away as a session does; answers each number negated and cannot compute 13. */
async function negate([input]: readonly NamedTensor[]) {
  assert.ok(input);
  const { datatype, shape } = input;
  const { buffer } = input.data as Uint8Array<ArrayBuffer>;
  const given = structuredClone(buffer, { transfer: [buffer] });
  const values = valuesOf(new Uint8Array(given));
  if (values.includes(13)) throw new Error('thirteen');
  return { outputs: [{ name: 'Y', datatype, shape, data: bytesOf(values.map((value) => -value)) }], runMs: 1 };
}

type Changes = {
  /** Writes that Redis refuses before it takes them. */
  refusals?: number;
  /** Slabs that there are. */
  slabs?: number;
  /** When the lock was set last, at this time. */
  lockedAt?: (nowMs: number) => number;
};

function puppet({ refusals = 0, slabs = Infinity, lockedAt = () => 0 }: Changes = {}) {
  const clock = { ms: 0 };
  const told = { finished: [] as [string, number[]][], failed: [] as FailedJob[] };
  const acquired: ArrayBuffer[] = [];
  const released: ArrayBuffer[] = [];
  const pauses: number[] = [];
  const reports: string[] = [];
  let refused = 0;
  const redis = (): void => {
    if (refused++ < refusals) throw new Error('away');
  };
  const served: ServedModel = { model: MODEL, queue: QUEUE, latency: createLatencyBook(), run: negate };
  const prepare = createRunBatch({
    async finish(_queue, _token, jobs) {
      redis();
      for (const { id, output } of jobs) told.finished.push([id, valuesIn(output)]);
      return jobs.map(() => 'finished');
    },
    async fail(_queue, _token, jobs) {
      redis();
      told.failed.push(...jobs);
    },
    acquire(bytes) {
      if (acquired.length === slabs) throw new RangeError('no memory');
      const slab = new ArrayBuffer(bytes);
      acquired.push(slab);
      return new Uint8Array(slab);
    },
    release: (slab) => released.push(slab),
    now: () => clock.ms,
    async pause(ms) {
      pauses.push(ms);
      clock.ms += ms;
    },
    lockMs: LOCK_MS,
    observe: () => undefined,
    gaveUp: () => undefined,
    unwanted: () => undefined,
    report: (_error, sentence) => reports.push(sentence),
  });
  async function runJobs(jobs: readonly TakenJob[]): Promise<void> {
    const renewed = { ...ticket, lockedAt: () => lockedAt(clock.ms) };
    const { execute, settled } = prepare(served, jobs, renewed, 'idle');
    await execute();
    await settled;
  }
  return {
    clock,
    told,
    acquired,
    released,
    pauses,
    reports,
    runJobs,
  };
}

const BAD: [string, Partial<TakenJob>, FailedJob['code']][] = [
  ['no bytes of a blob', { input: Buffer.from('xx') }, 'no_input'],
  ['a blob that is cut short', { input: inputOf([1, 1], [5]).subarray(0, -1) }, 'no_input'],
  ['a blob with more bytes than its shape says', { input: inputOf([1, 1], [5, 6]) }, 'no_input'],
  ['a blob with fewer bytes than its shape says', { input: inputOf([2, 1], [5]) }, 'no_input'],
  ['no input at all', { input: undefined, data: '{}' }, 'no_input'],
  [
    'JSON that does not fit the model',
    { input: undefined, data: '{"inputs":[{"name":"X","datatype":"INT32","shape":[1,1],"data":["5"]}]}' },
    'invalid_input',
  ],
];

for (const [what, changes, code] of BAD) {
  test(`a job with ${what} fails alone and its mates run`, async () => {
    const { told, runJobs } = puppet();
    await runJobs([jobOf('a', [1]), jobOf('bad', [5], changes), jobOf('b', [2])]);
    assert.deepEqual(told.finished, [
      ['a', [-1]],
      ['b', [-2]],
    ]);
    assert.deepEqual(
      told.failed.map((job) => [job.id, job.code]),
      [['bad', code]],
    );
  });
}

test('a job that was validated against another model fails as changed, and one of another tool runs', async () => {
  const { told, runJobs } = puppet();
  const data = '{"inputs":[{"name":"X","datatype":"INT32","shape":[1,1],"data":[7]}]}';
  await runJobs([
    jobOf('old', [1], { signature: 'fedcba9876543210' }),
    jobOf('foreign', [7], { signature: '', input: undefined, data }),
  ]);
  assert.deepEqual(told, {
    finished: [['foreign', [-7]]],
    failed: [{ id: 'old', code: 'model_changed', message: 'the model was replaced while the job waited' }],
  });
});

test('a batch without one good job is told and runs nothing', async () => {
  const { told, acquired, runJobs } = puppet();
  await runJobs([jobOf('old', [1], { signature: 'fedcba9876543210' })]);
  assert.deepEqual(
    told.failed.map((job) => job.id),
    ['old'],
  );
  assert.equal(acquired.length, 0);
});

test('jobs of different row shapes run one group after the other', async () => {
  const { told, acquired, runJobs } = puppet();
  await runJobs([jobOf('a', [1]), jobOf('wide', [2, 3], { rows: 1, input: inputOf([1, 2], [2, 3]) }), jobOf('b', [4])]);
  assert.deepEqual(told.finished, [
    ['a', [-1]],
    ['b', [-4]],
    ['wide', [-2, -3]],
  ]);
  assert.equal(acquired.length, 2);
});

test('only the row that the model cannot compute fails', async () => {
  const { told, runJobs } = puppet();
  await runJobs([jobOf('a', [1]), jobOf('b', [13]), jobOf('c', [3])]);
  assert.deepEqual(told, {
    finished: [
      ['a', [-1]],
      ['c', [-3]],
    ],
    failed: [{ id: 'b', code: 'model_error', message: 'the model could not compute this input' }],
  });
});

test('wherever the row that throws is, 2 · log2(B) further runs find it', async () => {
  for (const size of [2, 4, 8, 16, 32, 64]) {
    for (const at of new Set([0, 1, size / 2, size - 1])) {
      const { told, acquired, runJobs } = puppet();
      await runJobs(Array.from({ length: size }, (_, i) => jobOf(`j${i}`, [i === at ? 13 : 1])));
      assert.deepEqual(
        told.failed.map((job) => job.id),
        [`j${at}`],
      );
      assert.equal(told.finished.length, size - 1);
      // One slab a run.
      assert.ok(acquired.length - 1 <= 2 * Math.log2(size));
    }
  }
});

test('a result that Redis refuses is written again, after longer and longer pauses', async () => {
  const { told, pauses, reports, runJobs } = puppet({ refusals: 3 });
  await runJobs([jobOf('a')]);
  assert.deepEqual(told, ANSWERED);
  assert.deepEqual(pauses, [20, 40, 80]);
  assert.deepEqual(reports, []);
});

test('a result is given up and reported when the lock is gone, and its job does not fail', async () => {
  const { told, pauses, reports, runJobs } = puppet({ refusals: Infinity });
  await runJobs([jobOf('a')]);
  assert.deepEqual(pauses, [20, 40, 80, 160, 320]);
  assert.deepEqual(told, { finished: [], failed: [] });
  assert.deepEqual(reports, ['a result could not be written while its lock lived']);
});

test('a result is written again for as long as the lock is renewed, and not ten times as long as it lives', async () => {
  const lockedAt = (nowMs: number): number => nowMs - 10;
  const { told, clock, runJobs } = puppet({ refusals: 6, lockedAt });
  await runJobs([jobOf('a')]);
  assert.ok(clock.ms > 3 * LOCK_MS);
  assert.deepEqual(told, ANSWERED);
  const endless = puppet({ refusals: Infinity, lockedAt });
  await endless.runJobs([jobOf('a')]);
  assert.ok(endless.clock.ms > 10 * LOCK_MS && endless.clock.ms < 14 * LOCK_MS);
  assert.deepEqual(endless.reports, ['a result could not be written while its lock lived']);
});

test('what was computed before a batch ran out of memory is written', async () => {
  const { told, reports, runJobs } = puppet({ slabs: 2 });
  await runJobs([jobOf('a', [1]), jobOf('b', [13])]);
  assert.deepEqual(told, ANSWERED);
  assert.deepEqual(reports, ['a batch could not be run']);
});

test('the session is free again before Redis has taken the result', async () => {
  const told = deferred<void>();
  const prepare = createRunBatch({
    finish: () => told.promise.then(() => ['finished']),
    fail: async () => undefined,
    acquire: (bytes) => new Uint8Array(bytes),
    release: () => undefined,
    now: () => 0,
    pause: async () => undefined,
    lockMs: LOCK_MS,
    observe: () => undefined,
    gaveUp: () => undefined,
    unwanted: () => undefined,
    report: () => undefined,
  });
  const served = { model: MODEL, queue: QUEUE, latency: createLatencyBook(), run: negate };
  const { execute, settled } = prepare(served, [jobOf('a')], ticket, 'idle');
  await execute();
  let isSettled = false;
  void settled.then(() => (isSettled = true));
  await new Promise(setImmediate);
  assert.equal(isSettled, false);
  told.resolve();
  await settled;
});

test('when a batch cannot be run the slabs that no session has are released', async () => {
  const { told, acquired, released, reports, runJobs } = puppet({ slabs: 2 });
  const wide = jobOf('wide', [2, 3], { rows: 1, input: inputOf([1, 2], [2, 3]) });
  await runJobs([jobOf('a', [13]), jobOf('b', [1]), wide]);
  assert.deepEqual(released, acquired.slice(1));
  assert.deepEqual(told, { finished: [], failed: [] });
  assert.deepEqual(reports, ['a batch could not be run']);
});
