/** The client against a running system: every datatype in both forms, jobs, many at once, and in a browser. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { inferMany } from '@batchyard/client/batch';
import { submitMany } from '@batchyard/client/bulk';
import { connect, type Server } from '@batchyard/client/connect';
import { jobEvents, watchJob } from '@batchyard/client/events';
import { BatchyardFailure } from '@batchyard/client/failure';
import { halfBits, halfNumbers } from '@batchyard/client/half';
import { infer } from '@batchyard/client/infer';
import { cancel, getJob, result, retry, submit } from '@batchyard/client/jobs';
import { isReady, modelMetadata } from '@batchyard/client/models';
import type { InferRequest } from '@batchyard/client/request';
import { ARRAYS, pick, tensor, texts, type Datatype, type Tensor } from '@batchyard/client/tensor';
import { build } from 'esbuild';

import { makeTestModels } from '../../models/make-test-models.ts';
import { findBrowser, openBrowser } from '../support/browser.ts';
import { startSystem, type System } from '../support/system.ts';

const DATATYPES = [...Object.keys(ARRAYS), 'BYTES'] as Datatype[];
const identityOf = (datatype: Datatype): string => `identity_${datatype.toLowerCase()}`;

let system: System;
let models: string;
let server: Server;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-client-'));
  await makeTestModels(models, ['simple', 'poison', 'slower', ...DATATYPES.map(identityOf)]);
  system = await startSystem({ BATCHYARD_MODELS: models });
  server = connect({ url: system.url });
});
after(async () => {
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

/** Values at the edges of each datatype; of the integers also those that JSON.parse would round. */
const SAMPLES: { readonly [D in Datatype]: Tensor<D> } = {
  BOOL: tensor('BOOL', [1, 3], [true, false, true]),
  UINT8: tensor('UINT8', [1, 2], [0, 255]),
  UINT16: tensor('UINT16', [1, 2], [0, 65_535]),
  UINT32: tensor('UINT32', [1, 2], [0, 4_294_967_295]),
  UINT64: tensor('UINT64', [1, 3], [0n, 2n ** 64n - 1n, 2n ** 53n + 1n]),
  INT8: tensor('INT8', [1, 2], [-128, 127]),
  INT16: tensor('INT16', [1, 2], [-32_768, 32_767]),
  INT32: tensor('INT32', [1, 2], [-(2 ** 31), 2 ** 31 - 1]),
  INT64: tensor('INT64', [1, 3], [-(2n ** 63n), 2n ** 63n - 1n, -(2n ** 53n) - 1n]),
  FP16: tensor('FP16', [1, 4], halfBits([0.5, -65_504, 2 ** -24, Number.POSITIVE_INFINITY])),
  FP32: tensor('FP32', [1, 4], Float32Array.of(0.1, Number.NaN, Number.NEGATIVE_INFINITY, 1e-45)),
  FP64: tensor('FP64', [1, 3], [0.1, 5e-324, 1.797e308]),
  BYTES: tensor('BYTES', [1, 3], ['', 'grün ✓', 'a'.repeat(300)]),
};

test('every datatype comes back bit for bit in the binary form', async () => {
  for (const datatype of DATATYPES) {
    const answer = await infer(server, { model: identityOf(datatype), inputs: { INPUT0: SAMPLES[datatype] } });
    assert.deepEqual(answer.outputs, { OUTPUT0: SAMPLES[datatype] }, datatype);
  }
  const halves = await infer(server, { model: 'identity_fp16', inputs: { INPUT0: SAMPLES.FP16 } });
  assert.deepEqual(halfNumbers(pick(halves, 'OUTPUT0', 'FP16').data).slice(0, 2), Float32Array.of(0.5, -65_504));
});

test('and in JSON, where FP16 has no form and the failure says so', async () => {
  for (const datatype of DATATYPES.filter((one) => one !== 'FP16')) {
    const request: InferRequest = {
      model: identityOf(datatype),
      format: 'json',
      inputs: { INPUT0: SAMPLES[datatype] },
    };
    const answer = await infer(server, request);
    assert.deepEqual(answer.outputs, { OUTPUT0: SAMPLES[datatype] }, datatype);
  }
  const half = infer(server, { model: 'identity_fp16', format: 'json', inputs: { INPUT0: SAMPLES.FP16 } });
  await assert.rejects(half, { code: 'bad_request', status: 400, retryable: false });
});

const simple = (first: number, model = 'simple'): InferRequest => ({
  model,
  inputs: {
    INPUT0: tensor(
      'INT32',
      [1, 16],
      Int32Array.from({ length: 16 }, (_, i) => first + i),
    ),
    INPUT1: tensor('INT32', [1, 16], new Int32Array(16).fill(1)),
  },
});

test('metadata, readiness, the version and the named outputs', async () => {
  assert.equal(await isReady(server), true);
  assert.equal(await isReady(server, { model: 'simple', version: '1' }), true);
  const { inputs } = await modelMetadata(server, { model: 'simple' });
  assert.deepEqual(inputs[0], { name: 'INPUT0', datatype: 'INT32', shape: [-1, 16] });
  await assert.rejects(modelMetadata(server, { model: 'none' }), { status: 404, retryable: false });
  const answer = await infer(server, { ...simple(5), id: 'a', version: '1', outputs: ['OUTPUT1'] });
  assert.deepEqual(
    [answer.id, answer.model, answer.version, Object.keys(answer.outputs)],
    ['a', 'simple', '1', ['OUTPUT1']],
  );
  assert.equal(pick(answer, 'OUTPUT1', 'INT32').data[15], 19);
});

test('a job is submitted once for one key, waited for, and its end is what it says', async () => {
  const request = { ...simple(1), priority: 'high' as const, idempotencyKey: `key-${Date.now()}` };
  const [one, two] = await Promise.all([submit(server, request), submit(server, request)]);
  assert.equal(one.id, two.id);
  const sum = pick(await result(server, one.id), 'OUTPUT0', 'INT32');
  assert.deepEqual(sum.data.slice(0, 2), Int32Array.of(2, 3));
  const job = await getJob(server, one.id);
  assert.deepEqual([job.status, job.priority, job.rows], ['succeeded', 'high', 1]);
  await assert.rejects(cancel(server, one.id), { code: 'conflict', status: 409 });
  await assert.rejects(getJob(server, 'none'), { code: 'not_found' });

  const bad = await submit(server, { model: 'poison', inputs: { CODE: tensor('INT32', [1, 1], [5_000]) } });
  await assert.rejects(result(server, bad.id, { timeoutMs: 20_000 }), { code: 'model_error', retryable: false });
  assert.equal((await retry(server, bad.id)).id, bad.id);
  assert.equal((await getJob(server, bad.id, { waitMs: 20_000 })).status, 'failed');
});

test('a submit whose answer was lost is tried again, and is one job', async () => {
  let tries = 0;
  const losing = connect({
    url: system.url,
    fetch: async (input, init) => {
      tries += 1;
      const answer = await fetch(input, init);
      if (tries === 1) {
        await answer.arrayBuffer();
        throw new TypeError('fetch failed', { cause: new Error('the connection broke') });
      }
      return answer;
    },
  });
  const { id } = await submit(losing, { ...simple(9), tags: { lost: 'answer' } });
  assert.equal(tries, 2);
  const { jobs } = (await (await fetch(`${system.url}/v1/jobs?tag=lost=answer`)).json()) as { jobs: { id: string }[] };
  assert.deepEqual(
    jobs.map((job) => job.id),
    [id],
  );
});

test('many jobs in one request: each has its outcome, and the same key finds them again', async () => {
  const lines = Array.from({ length: 30 }, (_, i) => ({ inputs: simple(i).inputs }));
  const wrong = { inputs: { INPUT0: tensor('INT32', [1, 1], [1]) } };
  const terms = { model: 'simple', priority: 'low' as const, idempotencyKey: 'bulk' };
  const outcomes = await submitMany(server, terms, [...lines, wrong]);
  const ids = outcomes.map((one) => (one.ok ? one.id : one.failure.code));
  assert.equal(new Set(ids).size, 31);
  assert.equal(ids[30], 'invalid_input');
  const again = await submitMany(server, terms, [...lines, wrong]);
  assert.deepEqual(
    again.map((one) => (one.ok ? one.id : one.failure.code)),
    ids,
  );
  const last = await result(server, ids[29] ?? '', { timeoutMs: 20_000 });
  assert.equal(pick(last, 'OUTPUT0', 'INT32').data[0], 30);
  const half = { inputs: { INPUT0: tensor('FP32', [1, 1], [Number.NaN]) } };
  await assert.rejects(submitMany(server, { model: 'identity_fp32' }, [half]), TypeError);
});

test('the states of a job come as they are, by a stream and by callbacks', async () => {
  const { id } = await submit(server, simple(2));
  const states: string[] = [];
  for await (const { status } of jobEvents(server, id)) states.push(status);
  assert.deepEqual([states[0], states.at(-1)], ['queued', 'succeeded']);

  const bad = await submit(server, { model: 'poison', inputs: { CODE: tensor('INT32', [1, 1], [5_000]) } });
  const told: string[] = [];
  const failure = await new Promise<BatchyardFailure>((resolve, reject) => {
    watchJob(server, bad.id, {
      onState: ({ status }) => told.push(status),
      onResult: () => reject(new Error('it cannot succeed')),
      onError: resolve,
    });
  });
  assert.deepEqual([failure.code, told.at(-1)], ['model_error', 'failed']);
  await assert.rejects(jobEvents(server, 'none').next(), { code: 'not_found' });
});

test('many requests: all are answered in their order, a bad one alone fails', async () => {
  const requests = Array.from({ length: 60 }, (_, i) => simple(i, i === 30 ? 'none' : 'simple'));
  const outcomes = await inferMany(server, requests, { concurrency: 12 });
  outcomes.forEach((outcome, i) => {
    if (i === 30) assert.ok(!outcome.ok && outcome.failure.status === 404);
    else assert.ok(outcome.ok && pick(outcome.result, 'OUTPUT0', 'INT32').data[0] === i + 1, `${i}`);
  });
});

test('a deadline is kept, an abort takes the request back, and a server that is not there is told', async () => {
  const { inputs } = await modelMetadata(server, { model: 'slower' });
  const [input] = inputs;
  assert.ok(input && input.datatype === 'FP32');
  const shape = [1, ...input.shape.slice(1).map((dim) => Math.max(1, dim))];
  const slow: InferRequest = {
    model: 'slower',
    inputs: { [input.name]: tensor('FP32', shape, new Float32Array(shape.reduce((a, b) => a * b))) },
  };
  const late: unknown = await infer(server, slow, { timeoutMs: 5 }).catch((error: unknown) => error);
  assert.ok(late instanceof BatchyardFailure);
  assert.ok(['deadline', 'expired', 'overloaded'].includes(late.code), late.code);
  await assert.rejects(infer(server, slow, { signal: AbortSignal.timeout(2) }), { code: 'aborted' });
  const nowhere = connect({ url: 'http://127.0.0.1:9', retries: { most: 2 } });
  await assert.rejects(infer(nowhere, simple(1)), { code: 'network', status: 0, retryable: true });
});

test('the same client in Chromium', async (t) => {
  const found = await findBrowser();
  if ('missing' in found) {
    t.skip(found.missing);
    return;
  }
  const contents = `
    import { connect } from '@batchyard/client/connect';
    import { infer } from '@batchyard/client/infer';
    import { result, submit } from '@batchyard/client/jobs';
    import { tensor, texts } from '@batchyard/client/tensor';
    globalThis.tried = (async () => {
      const server = connect({ url: location.origin });
      const request = { model: 'identity_bytes', inputs: { INPUT0: tensor('BYTES', [1, 2], ['grün', '✓']) } };
      const now = await infer(server, request);
      const { id } = await submit(server, request);
      const later = await result(server, id);
      return [texts(now.outputs.OUTPUT0), texts(later.outputs.OUTPUT0)];
    })();`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    conditions: ['batchyard-source'],
  });
  const browser = await openBrowser(found.path);
  try {
    const page = await browser.newPage();
    // The client has to be of the server's own origin; any page of it will do.
    await page.goto(`${system.url}/v2/health/live`);
    await page.evaluate(outputFiles[0]?.text ?? '');
    const answers = await page.evaluate('tried');
    assert.deepEqual(answers, [
      ['grün', '✓'],
      ['grün', '✓'],
    ]);
  } finally {
    await browser.close();
  }
});

test('texts are read back from BYTES', async () => {
  const answer = await infer(server, { model: 'identity_bytes', inputs: { INPUT0: SAMPLES.BYTES } });
  assert.deepEqual(texts(pick(answer, 'OUTPUT0', 'BYTES')).slice(0, 2), ['', 'grün ✓']);
});
