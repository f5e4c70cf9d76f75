import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Finished, TakenJob } from '@batchyard/queue/operations';
import type { Model } from '@batchyard/shared/contract/model';
import { decodeTensorBlob, encodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { createLatencyModel } from './batching/latency-model.ts';
import { createRunBatch } from './run-batch.ts';
import type { NamedTensor, ServedModel } from './run-rows.ts';

const MODEL: Model = {
  name: 'double',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [{ name: 'IN', datatype: 'INT32', shape: [1] }],
  outputs: [{ name: 'OUT', datatype: 'INT32', shape: [1] }],
  signature: '0123456789abcdef',
  nan: 'pass',
};
const TICKET = { worker: 'w', token: 'w:1', batch: 7, takenAt: 0 };
const LOCK_MS = 30_000;

const int32 = (values: readonly number[]): Uint8Array => new Uint8Array(new Int32Array(values).buffer);
const numbers = (data: Uint8Array): number[] => [...new Int32Array(Uint8Array.from(data).buffer)];

const taken = (id: string, values: readonly number[], over: Partial<TakenJob> = {}): TakenJob => ({
  id,
  kind: 'attached',
  priority: 'normal',
  deadlineMs: 1_000,
  queuedMs: 0,
  rows: values.length,
  group: '-',
  signature: MODEL.signature,
  deaths: 0,
  input: encodeTensorBlob({
    tensors: [{ position: 0, datatype: 'INT32', shape: [values.length, 1], data: int32(values) }],
    requested: [],
  }),
  data: undefined,
  ...over,
});

/** A session that doubles, and throws for a batch with a number over 1,000. */
function bench(over: { finish?: (tries: number) => void } = {}) {
  const seen = {
    runs: [] as number[][],
    results: {} as Record<string, number[]>,
    failed: {} as Record<string, string>,
  };
  const reported: string[] = [];
  let clock = 0;
  let tries = 0;
  const served: ServedModel = {
    model: MODEL,
    queue: 'double@1',
    latency: createLatencyModel(),
    async run([input]: readonly NamedTensor[]) {
      const values = numbers(input?.data as Uint8Array);
      seen.runs.push(values);
      if (values.some((value) => value > 1_000)) throw new Error('out of range');
      const data = int32(values.map((value) => 2 * value));
      return { outputs: [{ name: 'OUT', datatype: 'INT32' as const, shape: [values.length, 1], data }], runMs: 1 };
    },
  };
  const prepare = createRunBatch({
    async finish(_queue: string, _token: string, jobs: readonly Finished[]) {
      tries += 1;
      over.finish?.(tries);
      for (const { id, output } of jobs)
        seen.results[id] = numbers(decodeTensorBlob(Buffer.from(output)).tensors[0]?.data ?? new Uint8Array());
      return jobs.map(() => 'finished' as const);
    },
    async fail(_queue, _token, jobs) {
      for (const { id, code } of jobs) seen.failed[id] = code;
      return jobs.map(() => 'failed' as const);
    },
    acquire: (bytes) => new Uint8Array(bytes),
    release: () => undefined,
    now: () => clock,
    pause: async (ms) => void (clock += ms),
    lockMs: LOCK_MS,
    observe: () => undefined,
    report: (_error, sentence) => void reported.push(sentence),
  });
  const run = async (jobs: readonly TakenJob[]): Promise<void> => {
    const prepared = prepare(served, jobs, TICKET, 'idle');
    await prepared.execute();
    await prepared.settled;
  };
  return { run, seen, reported, tries: () => tries, clock: () => clock };
}

test('rows of several jobs run as one batch and each job gets its own back', async () => {
  const { run, seen } = bench();
  await run([taken('a', [1, 2]), taken('b', [3])]);
  assert.deepEqual(seen.runs, [[1, 2, 3]]);
  assert.deepEqual(seen.results, { a: [2, 4], b: [6] });
});

test('a job without input, with a broken one or of another model fails alone, and its mates run', async () => {
  const { run, seen } = bench();
  await run([
    taken('none', [1], { input: undefined, data: '{}' }),
    taken('broken', [1], { input: Buffer.from('not a blob') }),
    taken('changed', [1], { signature: 'fedcba9876543210' }),
    taken('good', [4]),
  ]);
  assert.deepEqual(seen.results, { good: [8] });
  assert.deepEqual(seen.failed, { none: 'no_input', broken: 'no_input', changed: 'model_changed' });
});

test('a batch that throws is halved until only the row that throws has failed', async () => {
  const { run, seen } = bench();
  const jobs = Array.from({ length: 8 }, (_, i) => taken(`j${i}`, [i === 5 ? 5_000 : i]));
  await run(jobs);
  assert.deepEqual(seen.failed, { j5: 'model_error' });
  assert.deepEqual(Object.keys(seen.results).length, 7);
  assert.deepEqual(seen.results['j7'], [14]);
  // The whole, and two runs on each of the log2(8) levels below it.
  assert.equal(seen.runs.length, 1 + 2 * 3);
});

test('wherever the row that throws is, 2 · log2(B) further runs find it', async () => {
  for (const size of [2, 4, 8]) {
    for (let at = 0; at < size; at += 1) {
      const { run, seen } = bench();
      await run(Array.from({ length: size }, (_, i) => taken(`j${i}`, [i === at ? 5_000 : i])));
      assert.deepEqual(seen.failed, { [`j${at}`]: 'model_error' });
      assert.equal(Object.keys(seen.results).length, size - 1);
      assert.ok(seen.runs.length - 1 <= 2 * Math.log2(size));
    }
  }
});

test('a result that Redis cannot take is written again, and never fails the job', async () => {
  const { run, seen, tries, reported } = bench({
    finish(count) {
      if (count < 4) throw new Error('READONLY');
    },
  });
  await run([taken('a', [1])]);
  assert.deepEqual([seen.results, seen.failed, tries(), reported], [{ a: [2] }, {}, 4, []]);
});

test('once the lock may be gone a result is given up and told, and the job is left to others', async () => {
  const { run, seen, clock, reported } = bench({
    finish() {
      throw new Error('Connection is closed.');
    },
  });
  await run([taken('a', [1])]);
  assert.deepEqual([seen.results, seen.failed], [{}, {}]);
  assert.deepEqual(reported, ['a result could not be written while its lock lived']);
  assert.ok(clock() > LOCK_MS && clock() < LOCK_MS + 2_000);
});
