import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { AddOutcome, NewJob, Reply } from '@batchyard/queue/operations';
import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';
import { decodeTensorBlob, encodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import type { Load } from './admission/admit.ts';
import { createAnswerRequest, type Asked } from './answer-request.ts';
import { identity, parseBody, tensorOf } from './protocol/testing/samples.ts';
import type { Outcome } from './queue/waiters.ts';

const MODEL = identity('INT32', [2]);
const QUEUE = 'M@1';
const NEVER = new Promise<void>(() => undefined);
const turn = () => new Promise(setImmediate);

const blobOf = (values: readonly number[]): Buffer => {
  const data = new Uint8Array(Int32Array.from(values).buffer);
  return encodeTensorBlob({ tensors: [{ position: 0, datatype: 'INT32', shape: [1, 2], data }], requested: [] });
};
const succeeded = (output: Buffer | undefined): Reply => ({ id: 'a', outcome: 'succeeded', text: '{}', output });
const failed = (text: string): Reply => ({ id: 'a', outcome: 'failed', text, output: undefined });
const asked = (changes: Partial<Asked> = {}, parameters: Record<string, unknown> = {}): Asked => ({
  model: MODEL,
  queue: QUEUE,
  request: parseBody(MODEL, { id: 'r', inputs: [tensorOf('INT32', [1, 2], [1, 2])], parameters }),
  priority: undefined,
  timeoutMs: undefined,
  caller: { tenant: '-' },
  ...changes,
});

type Script = {
  load?: Partial<Load>;
  added?: AddOutcome | Promise<AddOutcome>;
  outcome?: Outcome | Promise<Outcome>;
  output?: Buffer;
  mayKnow?: boolean;
};

function puppet({
  load = {},
  added = 'added',
  outcome = NEVER as Promise<never>,
  output,
  mayKnow = false,
}: Script = {}) {
  const jobs: NewJob[] = [];
  const log: string[] = [];
  const limits: number[] = [];
  const requests = createAnswerRequest({
    gateway: 'g',
    loads: {
      load: () => ({
        draining: false,
        workers: 1,
        latency: [],
        memoryShare: 0,
        waitMs: 0,
        bytesShare: 0,
        behindMs: 0,
        ...load,
      }),
      admitted: () => undefined,
      waited: () => undefined,
    },
    async add(queue, job) {
      log.push(`add ${queue}`);
      jobs.push(job);
      return added;
    },
    wait({ id }, limitMs) {
      limits.push(limitMs);
      return { outcome: Promise.resolve(outcome), stop: () => log.push(`stop ${id === jobs[0]?.id}`) };
    },
    async cancel(queue, id) {
      log.push(`cancel ${queue} ${id === jobs[0]?.id}`);
      throw new Error('away');
    },
    cache: {
      answer: async (_question, gone, compute) => ({ blob: (await compute(gone, 0)).blob, cache: undefined }),
      mayKnow: () => mayKnow,
    },
    labels: () => Promise.resolve(undefined),
    async output(queue) {
      log.push(`output ${queue}`);
      return output;
    },
  });
  return { ...requests, jobs, log, limits };
}

async function failureOf(answer: Promise<unknown>): Promise<Failure> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failure, String(error));
  return error;
}

const CANCELLED = `cancel ${QUEUE} true`;
const ADDED = `add ${QUEUE}`;

test('a request is queued for this gateway and answered with what the job computed', async () => {
  const { infer, jobs, log } = puppet({ outcome: succeeded(blobOf([3, 4])) });
  const { body, headerLength } = await infer(asked(), NEVER);
  assert.deepEqual(JSON.parse(body.toString()), {
    id: 'r',
    model_name: 'M',
    model_version: '1',
    outputs: [{ name: 'X', datatype: 'INT32', shape: [1, 2], data: [3, 4] }],
  });
  assert.equal(headerLength, undefined);
  const [stored] = jobs;
  assert.ok(stored);
  const { id, input, ...job } = stored;
  assert.match(id, /^[a-z2-7]{7}-[a-z2-7]{20}$/);
  assert.deepEqual(decodeTensorBlob(input).tensors[0]?.shape, [1, 2]);
  assert.deepEqual(job, {
    kind: 'attached',
    priority: 'normal',
    remainingMs: 30_000,
    rows: 1,
    group: '-',
    delayMs: undefined,
    gateway: 'g',
    tenant: '-',
    signature: MODEL.signature,
    trace: undefined,
  });
  assert.deepEqual(log, [ADDED]);
});

test('a job belongs to the tenant of its caller', async () => {
  const { infer, jobs } = puppet({ outcome: succeeded(blobOf([3, 4])) });
  await infer(asked({ caller: { tenant: 'acme' } }), NEVER);
  assert.equal(jobs[0]?.tenant, 'acme');
});

test('a job carries the place of its request in a trace', async () => {
  const { infer, jobs } = puppet({ outcome: succeeded(blobOf([3, 4])) });
  const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  await infer(asked({ trace }), NEVER);
  assert.equal(jobs[0]?.trace, trace);
});

test('headers come before the parameters of the body, and the wait is a little longer than the deadline', async () => {
  const parameters = { priority: 1, timeout: 7_000_000 };
  const { infer, jobs, limits } = puppet({ outcome: succeeded(blobOf([3, 4])) });
  await infer(asked({}, parameters), NEVER);
  await infer(asked({ priority: 'low', timeoutMs: 900 }, parameters), NEVER);
  assert.deepEqual(
    jobs.map((job) => [job.priority, job.remainingMs]),
    [
      ['critical', 7_000],
      ['low', 900],
    ],
  );
  assert.deepEqual(limits, [7_500, 1_400]);
});

test('a refusal by the predicted wait stores nothing and names the time to come back', async () => {
  const busy = puppet({ load: { waitMs: 40_000 } });
  const failure = await failureOf(busy.infer(asked(), NEVER));
  assert.deepEqual([failure.code, failure.retryAfterS, busy.jobs.length], ['overloaded', 40, 0]);
});

test('before a body is read only that is refused which no body could change', () => {
  const announced = { ...asked(), priority: undefined, timeoutMs: undefined };
  assert.equal(puppet({ load: { waitMs: 40_000 } }).screen(announced, 'attached'), undefined);
  assert.equal(puppet({ load: { workers: 0 } }).screen(announced, 'durable'), undefined);
  for (const [load, timeoutMs] of [
    [{ waitMs: 40_000 }, 1_000],
    [{ workers: 0 }, undefined],
    [{ draining: true }, undefined],
  ] as const) {
    assert.ok(puppet({ load }).screen({ ...announced, timeoutMs }, 'attached') instanceof Failure);
  }
});

test('what the cache may know is read, unless the gateway drains; a job is never in the cache', () => {
  const announced = { ...asked(), priority: undefined, timeoutMs: 1 };
  for (const load of [{ workers: 0 }, { waitMs: 40_000 }])
    assert.equal(puppet({ load, mayKnow: true }).screen({ ...announced, timeoutMs: 1 }, 'attached'), undefined);
  const draining = puppet({ load: { draining: true }, mayKnow: true });
  assert.ok(draining.screen(announced, 'attached') instanceof Failure);
  assert.ok(puppet({ load: { waitMs: 40_000 }, mayKnow: true }).screen(announced, 'durable') instanceof Failure);
});

test('a request that cannot be answered in time is refused before it reaches Redis', async () => {
  const draining = puppet({ load: { draining: true } });
  assert.equal((await failureOf(draining.infer(asked(), NEVER))).code, 'draining');
  const idle = puppet({ load: { workers: 0 } });
  const failure = await failureOf(idle.infer(asked(), NEVER));
  assert.equal(failure.code, 'model_not_ready');
  assert.equal(failure.message, "Request for unknown model: 'M' version 1 is not at ready state");
  assert.deepEqual([...draining.log, ...idle.log], []);
});

test('a full queue is told as 503 with a time to come back', async () => {
  const { infer, log } = puppet({ added: 'full' });
  const failure = await failureOf(infer(asked(), NEVER));
  assert.deepEqual([failure.code, failure.kind.status, failure.retryAfterS], ['queue_full', 503, 1]);
  assert.equal(failure.message, 'Exceeds maximum queue size');
  assert.ok(log.includes('stop true'));
});

test('a job that reached Redis too late was not stored', async () => {
  const { infer, log } = puppet({ added: 'stale' });
  assert.equal((await failureOf(infer(asked(), NEVER))).code, 'queue_unavailable');
  assert.ok(log.includes('stop true'));
});

test('a job that Redis refused was not stored', async () => {
  const { infer, log } = puppet({ added: 'refused' });
  assert.equal((await failureOf(infer(asked(), NEVER))).code, 'queue_unavailable');
  assert.deepEqual(log, [ADDED, 'stop true']);
});

test('when Redis did not answer the job is cancelled in case it was stored', async () => {
  const { infer, log } = puppet({ added: 'unknown' });
  const failure = await failureOf(infer(asked(), NEVER));
  assert.deepEqual([failure.code, failure.kind.status], ['outcome_unknown', 503]);
  assert.deepEqual(log, [ADDED, 'stop true', CANCELLED]);
});

test('the job of a caller who hung up is cancelled, and nobody waits for it', async () => {
  let hangUp: () => void = () => undefined;
  const { infer, log } = puppet();
  void infer(asked(), new Promise((resolve) => (hangUp = resolve)));
  await turn();
  assert.deepEqual(log, [ADDED]);
  hangUp();
  await turn();
  assert.deepEqual(log, [ADDED, 'stop true', CANCELLED]);
});

test('who hangs up before Redis has the job has it cancelled after it was stored', async () => {
  let store: (outcome: AddOutcome) => void = () => undefined;
  const { infer, log } = puppet({ added: new Promise((resolve) => (store = resolve)) });
  void infer(asked(), Promise.resolve());
  await turn();
  assert.deepEqual(log, [ADDED, 'stop true']);
  store('added');
  await turn();
  assert.deepEqual(log, [ADDED, 'stop true', CANCELLED]);
});

test('a job without an answer at its deadline is expired and cancelled', async () => {
  const { infer, log } = puppet({ outcome: 'timeout' });
  const failure = await failureOf(infer(asked(), NEVER));
  assert.deepEqual([failure.code, failure.message], ['expired', 'Request timeout expired']);
  assert.deepEqual(log, [ADDED, CANCELLED]);
});

test('a job that is gone was removed', async () => {
  const { infer, log } = puppet({ outcome: 'gone' });
  const failure = await failureOf(infer(asked(), NEVER));
  assert.deepEqual([failure.code, failure.retryAfterS], ['removed', 1]);
  assert.deepEqual(log, [ADDED]);
});

test('a result that was too large for the reply is fetched, and missed when it is gone', async () => {
  const found = puppet({ outcome: succeeded(undefined), output: blobOf([5, 6]) });
  const { body } = await found.infer(asked(), NEVER);
  assert.match(body.toString(), /"data":\[5,6\]/);
  assert.deepEqual(found.log, [ADDED, `output ${QUEUE}`]);
  const missed = puppet({ outcome: succeeded(undefined) });
  assert.equal((await failureOf(missed.infer(asked(), NEVER))).code, 'removed');
});

const FAILED: [text: string, code: FailureCode, message: string][] = [
  ['model_error: the model could not compute this input', 'model_error', 'the model could not compute this input'],
  ['expired: the deadline passed before the job ran', 'expired', 'Request timeout expired'],
  ['what another tool wrote', 'model_error', 'what another tool wrote'],
];

for (const [text, code, message] of FAILED) {
  test(`a job that failed with "${text}" is told as ${code}`, async () => {
    const { infer } = puppet({ outcome: failed(text) });
    const failure = await failureOf(infer(asked(), NEVER));
    assert.deepEqual([failure.code, failure.message], [code, message]);
  });
}

test('a submitted job is kept by Redis alone: nothing waits for it here', async () => {
  const { submit, jobs, log, limits } = puppet({ load: { workers: 0 } });
  const accepted = await submit(asked({ priority: 'high', timeoutMs: 5_000 }));
  assert.ok(accepted);
  assert.deepEqual(accepted, { id: jobs[0]?.id, queue: QUEUE, priority: 'high', timeoutMs: 5_000 });
  assert.deepEqual([jobs[0]?.kind, jobs[0]?.gateway], ['durable', '']);
  assert.deepEqual([log, limits], [[ADDED], []]);
});

test('a submitted job of unknown fate is told so and not cancelled', async () => {
  const { submit, log } = puppet({ added: 'unknown' });
  assert.equal((await failureOf(submit(asked()))).code, 'outcome_unknown');
  assert.deepEqual(log, [ADDED]);
});
