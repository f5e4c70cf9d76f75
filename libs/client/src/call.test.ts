/** Retries, deadlines and aborts, with a server that is a function. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAILURES } from '@batchyard/shared/contract/failure';

import { call, readJson, type Call } from './call.ts';
import { connect, type ServerOptions } from './connect.ts';
import { BatchyardFailure } from './failure.ts';
import { createRetryBudget } from './retry-budget.ts';
import { submit } from './jobs.ts';
import { tensor } from './tensor.ts';

type Answer = (tries: number, init: RequestInit & { headers: Record<string, string> }) => Response | Promise<Response>;

function serverOf(answer: Answer, options: Partial<ServerOptions> = {}) {
  let tries = 0;
  const server = connect({
    url: 'http://127.0.0.1:1/',
    ...options,
    fetch: async (_input, init) => {
      tries += 1;
      return answer(tries, init as never);
    },
  });
  return { server, tries: () => tries };
}
const problem = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers });
const GET: Call = { method: 'GET', path: '/x' };
const failure = async (promise: Promise<unknown>): Promise<BatchyardFailure> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BatchyardFailure, String(error));
  return error;
};

test('what can succeed later is tried again, and nothing else', async () => {
  const again = serverOf((tries) => (tries < 3 ? problem(503, { error: 'busy' }) : Response.json({ fine: true })));
  assert.deepEqual(await call(again.server, GET, readJson), { fine: true });
  assert.equal(again.tries(), 3);

  const cut = serverOf((tries) => {
    if (tries === 1) throw new TypeError('fetch failed', { cause: new Error('ECONNRESET') });
    return Response.json(1);
  });
  assert.equal(await call(cut.server, GET, readJson), 1);

  for (const status of [400, 401, 404, 409, 410, 413, 500]) {
    const never = serverOf(() => problem(status, { error: 'no' }));
    const { retryable, status: told } = await failure(call(never.server, GET, readJson));
    assert.deepEqual([retryable, told, never.tries()], [false, status, 1]);
  }
  const once = serverOf(() => problem(503, { error: 'busy' }));
  await failure(call(once.server, { ...GET, once: true }, readJson));
  assert.equal(once.tries(), 1);
});

test('a problem document is told as it is', async () => {
  const body = {
    code: 'invalid_input',
    detail: 'INPUT0 is missing',
    retryable: false,
    errors: [{ pointer: '/inputs/0' }],
  };
  const { server } = serverOf(() => problem(400, body));
  const { code, message, status, retryable, pointers } = await failure(call(server, GET, readJson));
  assert.deepEqual(
    [code, message, status, retryable, pointers],
    ['invalid_input', 'INPUT0 is missing', 400, false, ['/inputs/0']],
  );
});

test('the status alone gives the code and the verdict that the server would have given', async () => {
  const byStatus = new Map<number, boolean>();
  for (const { status, retryable } of Object.values(FAILURES))
    byStatus.set(status, (byStatus.get(status) ?? false) || retryable);
  for (const [status, retryable] of byStatus) {
    const { server } = serverOf(() => problem(status, { error: 'x' }), { retries: { most: 1 } });
    const got = await failure(call(server, GET, readJson));
    assert.equal(got.retryable, retryable, String(status));
    assert.ok(status === 417 || Object.hasOwn(FAILURES, got.code), `${status}: ${got.code}`);
  }
});

test('Retry-After is waited for, and a wait beyond the deadline is not begun', async () => {
  const times: number[] = [];
  const { server } = serverOf((tries) => {
    times.push(performance.now());
    return tries === 1 ? problem(503, { error: 'busy' }, { 'retry-after': '1' }) : Response.json(1);
  });
  await call(server, GET, readJson);
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990, 'it came back sooner than it was told');

  const late = serverOf(() => problem(503, { error: 'busy' }, { 'retry-after': '3' }));
  const before = performance.now();
  const { retryAfterS } = await failure(call(late.server, { ...GET, timeoutMs: 2_000 }, readJson));
  assert.equal(retryAfterS, 3);
  assert.equal(late.tries(), 1);
  assert.ok(performance.now() - before < 1_000, 'it waited for nothing');
});

test('the budget bounds the retries of all calls together', async () => {
  const { server, tries } = serverOf(() => problem(503, { error: 'down' }, { 'retry-after': '0' }), {
    retries: { most: 100, ratio: 0.1, reserve: 5 },
  });
  await Promise.all(Array.from({ length: 40 }, () => failure(call(server, GET, readJson))));
  // 40 calls, 5 saved, and at most a tenth of a retry for each.
  assert.ok(tries() >= 45 && tries() <= 49, String(tries()));
});

test('tenths of a retry add up to whole ones, and not beyond the reserve', () => {
  const budget = createRetryBudget(0.1, 2);
  assert.deepEqual([budget.spend(), budget.spend(), budget.spend()], [true, true, false]);
  for (let i = 0; i < 10; i += 1) budget.earn();
  assert.deepEqual([budget.spend(), budget.spend()], [true, false]);
  for (let i = 0; i < 1_000; i += 1) budget.earn();
  assert.deepEqual([budget.spend(), budget.spend(), budget.spend()], [true, true, false]);
});

const untilAborted = (init: RequestInit): Promise<Response> =>
  new Promise((_resolve, reject) => {
    const leave = (): void => reject(new DOMException('gone', 'AbortError'));
    if (init.signal?.aborted) leave();
    init.signal?.addEventListener('abort', leave);
  });

test('a deadline and an abort end a call that hangs, and say which it was', async () => {
  const late = serverOf((_tries, init) => untilAborted(init));
  const { code, retryable } = await failure(call(late.server, { ...GET, timeoutMs: 30 }, readJson));
  assert.deepEqual([code, retryable, late.tries()], ['deadline', true, 1]);

  const controller = new AbortController();
  const left = serverOf((_tries, init) => {
    controller.abort(new Error('the user went away'));
    return untilAborted(init);
  });
  const told = await failure(call(left.server, { ...GET, signal: controller.signal }, readJson));
  assert.deepEqual([told.code, String(told.cause)], ['aborted', 'Error: the user went away']);

  const already = serverOf(() => Response.json(1));
  await failure(call(already.server, { ...GET, signal: AbortSignal.abort() }, readJson));
  assert.equal(already.tries(), 0);
});

test('an abort ends the wait for a retry', async () => {
  const controller = new AbortController();
  const { server } = serverOf(() => {
    setImmediate(() => controller.abort());
    return problem(503, { error: 'busy' }, { 'retry-after': '20' });
  });
  const { code } = await failure(call(server, { ...GET, signal: controller.signal }, readJson));
  assert.equal(code, 'aborted');
});

test('all tries of a submission carry one Idempotency-Key, two submissions two', async () => {
  const keys: (string | undefined)[] = [];
  const { server } = serverOf((tries, { headers }) => {
    keys.push(headers['idempotency-key']);
    return tries === 1 ? problem(503, { code: 'outcome_unknown', retryable: true }) : Response.json({ id: 'x' });
  });
  const request = { model: 'm', inputs: { A: tensor('FP32', [1], [1]) } };
  await submit(server, request);
  await submit(server, request);
  assert.equal(keys[0], keys[1]);
  assert.notEqual(keys[1], keys[2]);
  await submit(server, { ...request, idempotencyKey: 'mine' });
  assert.equal(keys[3], 'mine');
});

test('the key and the deadline of the caller are told', async () => {
  let headers: Record<string, string> = {};
  const { server } = serverOf(
    (_tries, init) => {
      ({ headers } = init);
      return Response.json(1);
    },
    { apiKey: 'byk_1' },
  );
  await call(server, { ...GET, tellDeadline: true, timeoutMs: 5_000 }, readJson);
  assert.equal(headers['authorization'], 'Bearer byk_1');
  const told = Number(headers['batchyard-timeout-ms']);
  assert.ok(told > 4_000 && told <= 5_000, String(told));
});

test('an address that is none is refused at once', () => {
  assert.throws(() => connect({ url: 'redis://x' }), TypeError);
  assert.equal(connect({ url: 'http://x/prefix/' }).url, 'http://x/prefix');
});
