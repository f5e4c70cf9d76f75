import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';

import { createModelBreaker, OPEN_MS } from './model-breaker.ts';

const never = new Promise<void>(() => undefined);

/** A breaker, the clock of both kinds, and requests that end as told. */
function breakerAt(): {
  pass(ms: number): void;
  ask(end: FailureCode | 'succeeded', queue?: string): Promise<string>;
  breaker: ReturnType<typeof createModelBreaker>;
  told: string[];
} {
  let clock = 1_000_000;
  const told: string[] = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ['Date'], now: clock });
  const breaker = createModelBreaker({ report: (_detail, sentence) => void told.push(sentence), now: () => clock });
  return {
    breaker,
    told,
    pass(ms) {
      clock += ms;
      mock.timers.setTime(clock);
    },
    async ask(end, queue = 'm@1') {
      const work = async (): Promise<string> => {
        if (end !== 'succeeded') throw new Failure(end, end);
        return end;
      };
      return breaker.run(queue, work, never).catch((error: unknown) => (error as Failure).code);
    },
  };
}

test('it opens when more than half of twenty answers are failures of the model, and for that model only', async () => {
  const { ask, breaker } = breakerAt();
  for (let i = 0; i < 9; i += 1) await ask('succeeded');
  for (let i = 0; i < 10; i += 1) assert.equal(await ask('model_error'), 'model_error');
  assert.deepEqual(breaker.open(), []);
  assert.equal(await ask('worker_error'), 'worker_error');
  assert.deepEqual(breaker.open(), ['m@1']);
  assert.equal(await ask('succeeded'), 'model_failing');
  assert.equal(await ask('succeeded', 'other@1'), 'succeeded');
});

test('what callers did wrong, and what came too late, never opens it', async () => {
  const { ask, breaker } = breakerAt();
  for (let i = 0; i < 200; i += 1) await ask(i % 2 === 0 ? 'expired' : 'cancelled');
  for (let i = 0; i < 19; i += 1) await ask('model_error');
  assert.deepEqual(breaker.open(), []);
});

test('while it is open everything is refused at once, with the seconds that are left', async () => {
  const { ask, breaker, pass } = breakerAt();
  for (let i = 0; i < 20; i += 1) await ask('model_error');
  pass(2_000);
  const refusal = breaker.screen('m@1');
  assert.deepEqual([refusal?.code, refusal?.kind.status, refusal?.retryAfterS], ['model_failing', 503, 3]);
});

test('afterwards one request is let through, and its success closes the circuit', async () => {
  const { ask, breaker, pass, told } = breakerAt();
  for (let i = 0; i < 20; i += 1) await ask('model_error');
  pass(OPEN_MS);
  let answer = (_text: string): void => undefined;
  const probe = breaker.run('m@1', () => new Promise<string>((resolve) => (answer = resolve)), never);
  assert.equal(await ask('succeeded'), 'model_failing');
  answer('well');
  assert.equal(await probe, 'well');
  assert.equal(await ask('succeeded'), 'succeeded');
  assert.equal(told.at(-1), 'a model computes again');
});

test('a probe that fails opens the circuit again', async () => {
  const { ask, breaker, pass } = breakerAt();
  for (let i = 0; i < 20; i += 1) await ask('model_error');
  pass(OPEN_MS);
  assert.equal(await ask('poison'), 'poison');
  assert.deepEqual(breaker.open(), ['m@1']);
  pass(OPEN_MS - 1);
  assert.equal(await ask('succeeded'), 'model_failing');
});

test('a probe that says nothing of the model leaves its place to the next, one at a time', async () => {
  const { ask, breaker, pass, told } = breakerAt();
  for (let i = 0; i < 20; i += 1) await ask('model_error');
  pass(OPEN_MS);
  for (let i = 0; i < 50; i += 1) {
    assert.equal(await ask(i % 2 === 0 ? 'invalid_input' : 'expired'), i % 2 === 0 ? 'invalid_input' : 'expired');
  }
  const unanswered = breaker.run('m@1', () => new Promise(() => undefined), Promise.resolve());
  assert.equal(await ask('succeeded'), 'model_failing');
  await assert.rejects(unanswered, (error: Failure) => error.code === 'cancelled');
  assert.equal(told.length, 1);
  assert.equal(await ask('succeeded'), 'succeeded');
  assert.deepEqual(breaker.open(), []);
});

test('what was let through before it opened decides nothing afterwards unless the model is at fault', async () => {
  const { ask, breaker, pass } = breakerAt();
  let fail = (_error: Failure): void => undefined;
  const earlier = breaker.run('m@1', () => new Promise((_resolve, reject) => (fail = reject)), never);
  for (let i = 0; i < 20; i += 1) await ask('model_error');
  pass(OPEN_MS);
  let answer = (_text: string): void => undefined;
  const probe = breaker.run('m@1', () => new Promise<string>((resolve) => (answer = resolve)), never);
  fail(new Failure('expired', 'expired'));
  await assert.rejects(earlier);
  answer('well');
  await probe;
  assert.deepEqual(breaker.open(), []);
});

test('a clock that is put back does not keep it open', async () => {
  const { ask, breaker, pass } = breakerAt();
  for (let i = 0; i < 20; i += 1) await ask('model_error');
  pass(3 * OPEN_MS);
  mock.timers.setTime(0);
  assert.equal(await ask('succeeded'), 'model_failing');
  assert.equal(await ask('succeeded'), 'succeeded');
  assert.deepEqual(breaker.open(), []);
});
