import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inferEach, inferMany } from './batch.ts';
import { connect } from './connect.ts';
import type { InferRequest } from './request.ts';
import { tensor, type Tensor } from './tensor.ts';

/** Answers each request with its own id, in its own time; the id `bad` is refused. */
function slowServer() {
  let under = 0;
  let most = 0;
  const server = connect({
    url: 'http://127.0.0.1:1',
    retries: { most: 1 },
    fetch: async (_input, init) => {
      under += 1;
      most = Math.max(most, under);
      const text = new TextDecoder().decode(init?.body as Uint8Array);
      const id = /"id":"(\w+)"/.exec(text)?.[1] ?? '';
      for (let turn = 0; turn < id.length % 3; turn += 1) await new Promise(setImmediate);
      under -= 1;
      return id === 'bad'
        ? Response.json({ error: 'no' }, { status: 400 })
        : Response.json({ model_name: 'm', id, outputs: [] });
    },
  });
  return { server, most: () => most };
}
const request = (id: string): InferRequest => ({ model: 'm', id, inputs: { A: tensor('INT8', [1], [1]) } });

test('outcomes come in the order of the requests, so many at once, and one that fails stops no other', async () => {
  const ids = Array.from({ length: 40 }, (_, i) => (i === 7 ? 'bad' : 'x'.repeat((i % 5) + 1)));
  const { server, most } = slowServer();
  const outcomes = await inferMany(server, ids.map(request), { concurrency: 4 });
  assert.equal(most(), 4);
  const told = outcomes.map((outcome) => (outcome.ok ? outcome.result.id : outcome.failure.code));
  assert.deepEqual(
    told,
    ids.map((id) => (id === 'bad' ? 'bad_request' : id)),
  );
});

test('callbacks are called as answers come, with the number of the request; an endless source is drawn as needed', async () => {
  let drawn = 0;
  const controller = new AbortController();
  async function* endless(): AsyncGenerator<InferRequest> {
    for (;;) {
      drawn += 1;
      yield request(drawn % 10 === 0 ? 'bad' : 'ok');
    }
  }
  const seen = new Set<number>();
  const failed = new Set<number>();
  const { server } = slowServer();
  const run = inferEach(server, endless(), {
    concurrency: 3,
    signal: controller.signal,
    onResult: (_result, index) => {
      seen.add(index);
      if (seen.size === 50) controller.abort();
    },
    onError: (_failure, index) => void failed.add(index),
  });
  await assert.rejects(run, { code: 'aborted' });
  assert.ok(drawn <= 50 + failed.size + 3, `${drawn} drawn`);
  assert.ok([...failed].some((index) => index % 10 === 9));
});

test('a request that is none fails alone; a callback that throws ends the batch', async () => {
  const { server } = slowServer();
  const broken = { model: 'm', inputs: { A: { shape: [1] } as unknown as Tensor } };
  const [first, second] = await inferMany(server, [broken, request('ok')]);
  assert.ok(first && !first.ok && second?.ok);
  assert.equal(first.failure.code, 'invalid_input');
  const thrown = inferEach(server, [request('a'), request('b')], {
    concurrency: 1,
    onResult: () => {
      throw new Error('mine');
    },
  });
  await assert.rejects(thrown, /mine/);
});
