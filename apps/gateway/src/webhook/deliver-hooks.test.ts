import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { DueHook, HookRoom } from '@batchyard/queue/hooks';
import type { Delivery } from '@batchyard/shared/contract/webhook';

import { afterAttempt, createHookDelivery } from './deliver-hooks.ts';

const delivery: Delivery = { outcome: 's', text: '{"rows":1}', atMs: 1_000, attempts: [] };
const due = (id: string, url = 'https://receiver.example/hook'): DueHook => ({
  id,
  number: 1,
  lease: '1',
  record: { url, queue: 'simple@1', tenant: '-', submittedMs: 500 },
  delivery,
});

test('2xx is delivered, 410 stops it, and all else is tried again after growing pauses, until it has failed', () => {
  const after = (status: number | undefined, attempts = 0) =>
    afterAttempt(
      { ...delivery, attempts: Array.from({ length: attempts }, () => ({ atMs: 1, status: 500, tookMs: 1 })) },
      { atMs: 2_000, tookMs: 10, ...(status === undefined ? { error: 'no answer' } : { status }) },
      1,
    );
  for (const status of [200, 204, 299])
    assert.deepEqual([after(status).delivery.state, after(status).againInMs], ['delivered', undefined]);
  assert.deepEqual([after(410).delivery.state, after(410).againInMs], ['stopped', undefined]);
  for (const status of [undefined, 302, 400, 404, 429, 500, 503]) {
    const { delivery: next, againInMs } = after(status);
    assert.deepEqual([next.state, againInMs, next.nextMs], ['pending', 2_000, 4_010]);
  }
  const pauses = Array.from({ length: 10 }, (_, i) => after(500, i).againInMs ?? 0);
  assert.deepEqual(
    pauses,
    pauses.toSorted((a, b) => a - b),
  );
  const hours = pauses.reduce((sum, ms) => sum + ms, 0) / 3_600_000;
  assert.ok(hours > 20 && hours < 30, String(hours));
  assert.deepEqual([after(500, 10).delivery.state, after(500, 10).againInMs], ['failed', undefined]);
  const short = afterAttempt(delivery, { atMs: 2_000, tookMs: 10, status: 500 }, 0);
  assert.equal(short.againInMs, 1_000);
});

function puppet(hooks: readonly DueHook[], answer: (url: string) => Promise<number>) {
  const settled: (readonly [string, Delivery, number | undefined])[] = [];
  const posts: { url: string; headers: Readonly<Record<string, string>>; body: string }[] = [];
  const asked: HookRoom[] = [];
  let waiting = [...hooks];
  let clock = 5_000;
  const { turn } = createHookDelivery({
    async take(room) {
      asked.push(room);
      const given = waiting.slice(0, room.most);
      waiting = waiting.slice(room.most);
      return { hooks: given, left: waiting.length > 0 };
    },
    async settle({ id }, next, againInMs) {
      settled.push([id, next, againInMs]);
      return true;
    },
    secret: async () => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    async post(post) {
      posts.push(post);
      return answer(post.url);
    },
    nowMs: () => clock,
    random: () => 0.5,
    observe: () => undefined,
    report: () => undefined,
  });
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) await new Promise(setImmediate);
  };
  return { turn, settled, posts, asked, until, pass: (ms: number) => void (clock += ms) };
}

test('a message says how the job ended, signed and under the same id at every attempt', async () => {
  const failed: DueHook = {
    ...due('b'),
    number: 2,
    delivery: { ...delivery, outcome: 'f', text: 'expired: too late' },
  };
  const { turn, posts, settled, until } = puppet([due('a'), failed], async () => 200);
  await turn();
  await until(() => settled.length === 2);
  assert.deepEqual(
    posts.map(({ headers }) => headers['webhook-id']),
    ['msg_a_1', 'msg_b_2'],
  );
  const [one, two] = posts.map(({ body }) => JSON.parse(body) as { type: string; data: Record<string, unknown> });
  assert.equal(one?.type, 'job.succeeded');
  assert.deepEqual(one?.data, {
    id: 'a',
    status: 'succeeded',
    model_name: 'simple',
    model_version: '1',
    submitted_at: '1970-01-01T00:00:00.500Z',
    finished_at: '1970-01-01T00:00:01.000Z',
    batch: { rows: 1 },
    links: { self: '/v1/jobs/a', result: '/v1/jobs/a/result' },
  });
  assert.deepEqual([two?.type, two?.data['error']], ['job.expired', { code: 'expired', message: 'too late' }]);
});

test('what is left is taken as soon as there is room, and no more than may be open at once', async () => {
  const { turn, settled, asked, until } = puppet(
    Array.from({ length: 100 }, (_, i) => due(`job${i}`)),
    async () => 200,
  );
  await turn();
  assert.equal(asked[0]?.most, 32);
  await until(() => settled.length === 100);
  assert.ok(asked.every(({ most }) => most > 0 && most <= 32));
});

test('a host whose calls take long has what is due at it put off', async () => {
  let answer: (status: number) => void = () => undefined;
  const calls = [new Promise<number>((resolve) => (answer = resolve)), new Promise<number>(() => undefined)];
  const { turn, settled, asked, until, pass } = puppet([due('a'), due('b')], async () => calls.shift() ?? 200);
  await turn();
  await turn();
  const host = 'receiver.example';
  assert.deepEqual(asked.at(-1), { most: 30, perHost: 8, hosts: [{ host, room: 6, putOffMs: 0 }] });
  pass(5_000);
  answer(503);
  await until(() => settled.length === 1);
  await turn();
  assert.deepEqual(asked.at(-1), { most: 31, perHost: 8, hosts: [{ host, room: 7, putOffMs: 5_000 }] });
});
