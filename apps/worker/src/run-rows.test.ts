import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { BatchStatistics, FailedJob, Finished, TakenJob } from '@batchyard/queue/operations';
import { decodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import {
  createRunRows,
  type BatchTicket,
  type NamedTensor,
  type Ready,
  type ServedModel,
  type Write,
} from './run-rows.ts';
import { bytesOf, jobOf, MODEL, QUEUE, valuesIn, valuesOf } from './testing/samples.ts';

const ticket: BatchTicket = { worker: 'w', token: 'w:1', batch: 7, takenAt: 0, takenMs: 0, lockedAt: () => 0 };
const readyOf = (job: TakenJob): Ready => ({
  job,
  blob: decodeTensorBlob(job.input ?? Buffer.alloc(0)),
  rows: job.rows,
});

/** A model that answers each number negated, and cannot compute 13. */
function puppet() {
  const clock = { ms: 0 };
  const runs: number[][] = [];
  const finished: Finished[] = [];
  const statistics: (BatchStatistics | undefined)[] = [];
  const failed: FailedJob[] = [];
  const observed: unknown[] = [];
  const thrown: unknown[] = [];
  const unwanted = { jobs: 0 };
  const reports: string[] = [];
  const served: ServedModel = {
    model: MODEL,
    queue: QUEUE,
    latency: createLatencyBook([{ rows: 1, p50_ms: 2, p99_ms: 2 }]),
    async run([input]: readonly NamedTensor[]) {
      const values = valuesOf(input?.data as Uint8Array);
      runs.push(values);
      if (values.includes(13)) throw new Error('thirteen');
      clock.ms += 4;
      const data = bytesOf(values.map((value) => -value));
      return { outputs: [{ name: 'Y', datatype: 'INT32', shape: [values.length, 1], data }], runMs: 4 };
    },
  };
  const { assemble, runAll } = createRunRows({
    async finish(_queue, _token, jobs, numbers) {
      finished.push(...jobs);
      statistics.push(numbers);
      return jobs.map(({ id }) => (id === 'gone' ? 'cancelled' : 'finished'));
    },
    fail: async (_queue, _token, jobs) => failed.push(...jobs),
    acquire: (bytes) => new Uint8Array(bytes),
    now: () => clock.ms,
    observe: ({ jobs, ...run }) => observed.push({ ...run, jobs: jobs.map(({ job }) => job.id) }),
    gaveUp: ({ jobs, ...run }) => thrown.push({ ...run, jobs: jobs.map(({ job }) => job.id) }),
    unwanted: (_queue, jobs) => (unwanted.jobs += jobs),
    report: (_error, sentence) => reports.push(sentence),
  });
  async function runJobs(jobs: readonly TakenJob[]): Promise<Write[]> {
    const writes: Write[] = [];
    const all = runAll(served, assemble(served, jobs.map(readyOf)), ticket, 'full');
    for await (const one of all) writes.push(one);
    return writes;
  }
  const told = { observed, thrown, unwanted, reports };
  return { clock, runs, finished, statistics, failed, ...told, latency: served.latency, runJobs };
}

const write = (writes: readonly (() => Promise<unknown>)[]) => Promise.all(writes.map((one) => one()));
const answers = (finished: readonly Finished[]) => finished.map(({ id, output }) => [id, valuesIn(output)]);

test('jobs run as one batch and each finishes with its own rows', async () => {
  const { runs, finished, runJobs } = puppet();
  await write(await runJobs([jobOf('a', [1]), jobOf('b', [2, 3]), jobOf('c', [4])]));
  assert.deepEqual(runs, [[1, 2, 3, 4]]);
  assert.deepEqual(answers(finished), [
    ['a', [-1]],
    ['b', [-2, -3]],
    ['c', [-4]],
  ]);
});

test('nothing is written to Redis before the caller does it', async () => {
  const { finished, runJobs } = puppet();
  const writes = await runJobs([jobOf('a', [1])]);
  assert.equal(finished.length, 0);
  await write(writes);
  assert.equal(finished.length, 1);
});

test("a receipt tells the job's rows, its batch, why it ran and what was predicted", async () => {
  const { finished, runJobs } = puppet();
  await write(await runJobs([jobOf('a', [1, 2]), jobOf('b', [3])]));
  assert.deepEqual(JSON.parse(finished[0]?.receipt ?? ''), {
    rows: 2,
    batch_rows: 3,
    batch: 'w:1/7',
    worker: 'w',
    reason: 'full',
    run_ms: 4,
    queue_ms: 0,
    predicted_ms: 6,
    signature: MODEL.signature.slice(0, 16),
  });
});

test('a run is observed, counted in the statistics and teaches the latency table', async () => {
  const { clock, statistics, observed, latency, runJobs } = puppet();
  clock.ms = 3;
  await write(await runJobs([jobOf('a', [1]), jobOf('b', [2])]));
  assert.deepEqual(observed, [
    {
      queue: QUEUE,
      rows: 2,
      reason: 'full',
      runMs: 4,
      predictedMs: 4,
      assembleMs: 0,
      queueMs: 3,
      outputMs: 0,
      waitsMs: [3, 3],
      jobs: ['a', 'b'],
    },
  ]);
  assert.deepEqual(statistics, [{ rows: 2, queueNs: 6e6, inputNs: 0, inferNs: 4e6, outputNs: 0 }]);
  assert.equal(latency.p50(2), 4);
});

test('what was computed for nobody is counted', async () => {
  const { unwanted, runJobs } = puppet();
  await write(await runJobs([jobOf('a', [1]), jobOf('gone', [2])]));
  assert.equal(unwanted.jobs, 1);
});

test('a batch that throws is halved until only the row that throws has failed', async () => {
  const { runs, finished, failed, thrown, reports, runJobs } = puppet();
  const jobs = [1, 2, 13, 4, 5].map((value, i) => jobOf(`j${i}`, [value]));
  await write(await runJobs(jobs));
  assert.deepEqual(runs, [[1, 2, 13, 4, 5], [1, 2, 13], [1, 2], [13], [4, 5]]);
  assert.deepEqual(answers(finished), [
    ['j0', [-1]],
    ['j1', [-2]],
    ['j3', [-4]],
    ['j4', [-5]],
  ]);
  assert.deepEqual(failed, [{ id: 'j2', code: 'model_error', message: 'the model could not compute this input' }]);
  assert.deepEqual(reports, ['the model could not compute a job']);
  // The two runs before it were halved; one that went well took 4 ms.
  const about = { queue: QUEUE, reason: 'bisect', code: 'model_error' };
  assert.deepEqual(thrown, [{ ...about, jobs: ['j2'], runMs: 0, waitsMs: [4] }]);
});

test('wherever the row that throws is, 2 · log2(B) further runs find it', async () => {
  for (const size of [2, 4, 8]) {
    for (let at = 0; at < size; at += 1) {
      const { runs, finished, failed, runJobs } = puppet();
      await write(await runJobs(Array.from({ length: size }, (_, i) => jobOf(`j${i}`, [i === at ? 13 : 100 + i]))));
      assert.deepEqual(
        failed.map(({ id }) => id),
        [`j${at}`],
      );
      assert.equal(finished.length, size - 1);
      assert.ok(runs.length - 1 <= 2 * Math.log2(size));
    }
  }
});

test('the mates of a row that throws have the bisection as their reason', async () => {
  const { finished, runJobs } = puppet();
  await write(await runJobs([jobOf('a', [1]), jobOf('b', [13])]));
  const receipt = JSON.parse(finished[0]?.receipt ?? '') as { reason: string; batch_rows: number };
  assert.deepEqual([receipt.reason, receipt.batch_rows], ['bisect', 1]);
});
