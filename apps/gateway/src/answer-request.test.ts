import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { AddOutcome, NewJob } from '@batchyard/queue/operations';
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model } from '@batchyard/shared/contract/model';
import { encodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import type { Load } from './admission/admit.ts';
import { createAnswerRequest, type Asked } from './answer-request.ts';
import { parseInferRequest } from './protocol/parse-infer.ts';
import type { Outcome } from './queue/waiters.ts';

const MODEL: Model = {
  name: 'm',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [{ name: 'IN', datatype: 'INT32', shape: [1] }],
  outputs: [{ name: 'OUT', datatype: 'INT32', shape: [1] }],
  signature: '0123456789abcdef',
  nan: 'pass',
};
const RESULT = encodeTensorBlob({
  tensors: [{ position: 0, datatype: 'INT32', shape: [1, 1], data: new Uint8Array(new Int32Array([42]).buffer) }],
  requested: [],
});
const RECEIPT = JSON.stringify({ rows: 1, run_ms: 5 });
const succeeded = (output: Buffer | undefined): Outcome => ({ id: 'x', outcome: 'succeeded', text: RECEIPT, output });
const failed = (text: string): Outcome => ({ id: 'x', outcome: 'failed', text, output: undefined });

const asked = (over: Partial<Asked> = {}): Asked => {
  const body = { inputs: [{ name: 'IN', shape: [1, 1], datatype: 'INT32', data: [21] }] };
  return {
    model: MODEL,
    queue: 'm@1',
    request: parseInferRequest(MODEL, Buffer.from(JSON.stringify(body)), undefined),
    priority: undefined,
    timeoutMs: undefined,
    ...over,
  };
};

type World = { add?: AddOutcome | Error; outcome?: Outcome; stored?: Buffer; load?: Partial<Load> };

function desk({ add = 'added', outcome, stored, load = {} }: World) {
  const told: string[] = [];
  const jobs: NewJob[] = [];
  let waits = 0;
  let clock = 0;
  const requests = createAnswerRequest({
    gateway: 'g',
    loads: {
      load: () => ({ draining: false, workers: 1, latency: [], memoryShare: 0, waitMs: 0, bytesShare: 0, ...load }),
      admitted: (_queue, { priority, rows }) => void told.push(`admitted ${rows} ${priority}`),
      waited: (_queue, predictedMs, actualMs) => void told.push(`waited ${predictedMs} ${actualMs}`),
    },
    async add(_queue, job) {
      jobs.push(job);
      if (add instanceof Error) throw add;
      return add;
    },
    wait: () => {
      waits += 1;
      return {
        outcome: outcome === undefined ? new Promise(() => undefined) : Promise.resolve(outcome),
        stop: () => void (waits -= 1),
      };
    },
    cancel: async () => void told.push('cancel'),
    output: async () => stored,
    now: () => (clock += 100),
  });
  return { requests, told, jobs, waits: () => waits };
}

const never = new Promise<void>(() => undefined);
const text = async (world: World): Promise<string> =>
  (await desk(world).requests.infer(asked(), never)).body.toString();
const failure = async (world: World): Promise<[string, string]> => {
  const error: unknown = await desk(world)
    .requests.infer(asked(), never)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  assert.ok(error instanceof Failure);
  return [error.code, error.message];
};

test('a caller is answered with the result of its job', async () => {
  assert.match(await text({ outcome: succeeded(RESULT) }), /"data":\[42\]/);
});

test('a result too large for the reply is fetched from the job', async () => {
  assert.match(await text({ outcome: succeeded(undefined), stored: RESULT }), /"data":\[42\]/);
  assert.equal((await failure({ outcome: succeeded(undefined) }))[0], 'removed');
});

test('headers come before the parameters of the body, and those before the defaults', async () => {
  const { requests, jobs } = desk({});
  await requests.submit(asked());
  await requests.submit(asked({ priority: 'high', timeoutMs: 700 }));
  assert.deepEqual(
    jobs.map(({ priority, remainingMs, kind, gateway }) => [priority, remainingMs, kind, gateway]),
    [
      ['normal', 30_000, 'durable', ''],
      ['high', 700, 'durable', ''],
    ],
  );
});

test('every way a job can end has its failure', async () => {
  assert.deepEqual(await failure({ outcome: 'timeout' }), ['expired', 'Request timeout expired']);
  assert.deepEqual(await failure({ outcome: failed('expired: late') }), ['expired', 'Request timeout expired']);
  assert.equal((await failure({ outcome: 'gone' }))[0], 'removed');
  assert.deepEqual(await failure({ outcome: failed('model_error: it threw') }), ['model_error', 'it threw']);
});

test('what was not stored is not waited for, and what may have been is cancelled', async () => {
  for (const [add, code] of [
    ['full', 'queue_full'],
    ['stale', 'queue_unavailable'],
    [new Error('Connection is closed.'), 'outcome_unknown'],
  ] as const) {
    const { requests, told, waits } = desk({ add });
    await assert.rejects(requests.infer(asked(), never), (error) => error instanceof Failure && error.code === code);
    assert.deepEqual([waits(), told.includes('cancel')], [0, true], code);
  }
});

test('a caller that hangs up has its job cancelled and nobody waits for it', async () => {
  const { requests, told, waits } = desk({});
  let hangUp = (): void => undefined;
  const gone = new Promise<void>((resolve) => {
    hangUp = resolve;
  });
  void requests.infer(asked(), gone);
  hangUp();
  await new Promise(setImmediate);
  assert.deepEqual([waits(), told], [0, ['admitted 1 normal', 'cancel']]);
});

test('a refusal stores nothing and names the time to come back', async () => {
  const { requests, jobs } = desk({ load: { waitMs: 40_000 } });
  await assert.rejects(
    requests.infer(asked(), never),
    (error) => error instanceof Failure && error.code === 'overloaded' && error.retryAfterS === 40,
  );
  assert.equal(jobs.length, 0);
});

test('before its body is read only what no body could change is refused', () => {
  const announced = { model: MODEL, queue: 'm@1', priority: undefined, timeoutMs: undefined };
  desk({ load: { waitMs: 40_000 } }).requests.screen(announced, 'attached');
  const refuses = (load: Partial<Load>, timeoutMs?: number): void =>
    assert.throws(() => desk({ load }).requests.screen({ ...announced, timeoutMs }, 'attached'), Failure);
  refuses({ waitMs: 40_000 }, 1_000);
  refuses({ workers: 0 });
  refuses({ draining: true });
  desk({ load: { workers: 0 } }).requests.screen(announced, 'durable');
});

test('how long a job really waited teaches the prediction, where there was one to speak of', async () => {
  const { requests, told } = desk({ outcome: succeeded(RESULT), load: { waitMs: 50 } });
  await requests.infer(asked(), never);
  assert.deepEqual(told, ['admitted 1 normal', 'waited 50 95']);
  const quick = desk({ outcome: succeeded(RESULT), load: { waitMs: 1 } });
  await quick.requests.infer(asked(), never);
  assert.deepEqual(quick.told, ['admitted 1 normal']);
});
