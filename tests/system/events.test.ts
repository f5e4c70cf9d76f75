/** What happens to the cluster is told by every gateway, in the same order and under the same ids. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { readEvents, type EventReader } from '../support/event-stream.ts';
import { readApi } from '../support/openapi.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

let redis: TestRedis;
let one: System;
let other: System;
before(async () => {
  redis = await startRedis();
  one = await startSystem({ REDIS_URL: redis.url });
  other = await startSystem({ REDIS_URL: redis.url });
});
after(async () => {
  await one.stop();
  await other.stop();
  await redis.stop();
});

const sentences = ({ seen }: EventReader, kind: string): string[] =>
  seen.filter(({ event }) => event === kind).map(({ data }) => (data['detail'] as { sentence: string }).sentence);

test(
  'a killed worker and its successor are told by both gateways under the same ids',
  { timeout: 180_000 },
  async () => {
    const readers = [await readEvents(one.ops), await readEvents(other.ops)];
    try {
      const [pid = 0] = processesOf(one, 'worker');
      process.kill(pid, 'SIGKILL');
      for (const reader of readers) {
        await until('the death is told', async () =>
          sentences(reader, 'kill').find((text) => text.includes(`-${pid}-`)),
        );
        await until('a successor is told', async () =>
          reader.seen.find(({ event, data }) => {
            const killed = reader.seen.findIndex((told) => told.event === 'kill');
            return event === 'scale' && killed >= 0 && reader.seen.findIndex((told) => told.data === data) > killed;
          }),
        );
        assert.deepEqual(reader.notes.slice(0, 1), ['retry: 2000']);
      }
      const ids = readers.map(({ seen }) => seen.filter(({ event }) => event === 'kill').map(({ id }) => id));
      assert.deepEqual(ids[0], ids[1]);
    } finally {
      await Promise.all(readers.map((reader) => reader.close()));
    }
  },
);

test('one who comes back hears what was missed, and no more', async () => {
  const first = await readEvents(one.ops);
  await until('what is held is told', async () => first.seen.find(({ event }) => event === 'kill'));
  await first.close();
  const kept = first.seen.filter(({ event }) => event !== 'sample');
  const [earliest, ...missed] = kept;
  assert.ok(earliest && missed.length > 0);
  const again = await readEvents(other.ops, earliest.id);
  try {
    await until('the missed ones are told', async () => again.seen.find(({ id }) => id === missed.at(-1)?.id));
    assert.ok(again.seen.every(({ id }) => id !== earliest.id));
  } finally {
    await again.close();
  }
});

test('what the stream tells is as the document says', async () => {
  const reader = await readEvents(one.ops);
  await until('a sample is told', async () => reader.seen.find(({ event }) => event === 'sample'));
  await reader.close();
  const named = (await readApi(one.ops)).checkEvents('get /v1/events', reader.seen);
  for (const name of ['kill', 'scale', 'sample']) assert.ok(named.has(name), name);
});

test('as JSON for those who want no stream', async () => {
  const answer = await fetch(`${other.ops}/v1/events`, { headers: { accept: 'application/json' } });
  const { events } = (await answer.json()) as { events: { kind: string; at_ms: number }[] };
  assert.ok(events.some(({ kind, at_ms }) => kind === 'kill' && Math.abs(at_ms - Date.now()) < 60_000));
});

test('so many watchers and no more', async () => {
  // Those who have just left may still be counted.
  const place = (): Promise<EventReader> => until('a place is free', async () => readEvents(one.ops));
  const readers = await Promise.all(Array.from({ length: 64 }, place));
  const refused = await fetch(`${one.ops}/v1/events`);
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  await Promise.all(readers.map((reader) => reader.close()));
  await (await place()).close();
});
