import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Followed, StreamEntry } from '@batchyard/queue/watching';
import { eventText, LONGEST_EVENT } from '@batchyard/shared/contract/event';

import { compareIds, createFollowCluster, SAMPLES_HELD, type Told } from './follow-cluster.ts';

const event = (id: string, sentence: string): StreamEntry => ({ id, text: eventText('scale', { sentence }) });
const sample = (id: string): StreamEntry => ({ id, text: id });

/** Streams in memory, which answer as Redis does. */
function streams() {
  const held: { events: StreamEntry[]; samples: StreamEntry[] } = { events: [], samples: [] };
  const later = (entries: readonly StreamEntry[], after: string): StreamEntry[] =>
    entries.filter(({ id }) => compareIds(id, after) > 0).slice(0, 500);
  return {
    held,
    async follow(after: { events: string; samples: string }): Promise<Followed> {
      return { events: later(held.events, after.events), samples: later(held.samples, after.samples) };
    },
  };
}

test('ids have the order of the stream, not that of their text', () => {
  assert.ok(compareIds('9-0', '10-0') < 0);
  assert.ok(compareIds('10-2', '10-10') < 0);
  assert.equal(compareIds('10-2', '10-2'), 0);
});

test('a watcher gets both streams in order, each once, and after a break what it missed', async () => {
  const { held, follow } = streams();
  const cluster = createFollowCluster({ follow, show: ({ text }) => text });
  held.events.push(event('1-0', 'one'));
  held.samples.push(sample('2-0'));
  await cluster.turn();
  assert.deepEqual(
    cluster.since(undefined).map(({ id }) => id),
    ['1-0', '2-0'],
  );
  const got: Told[] = [];
  const stop = cluster.subscribe((told) => got.push(...told));
  held.samples.push(sample('4-0'));
  held.events.push(event('3-0', 'three'), { id: '3-1', text: '{"kind":"unheard"}' });
  await cluster.turn();
  await cluster.turn();
  assert.deepEqual(
    got.map(({ id, name }) => `${id} ${name}`),
    ['3-0 scale', '4-0 sample'],
  );
  stop();
  held.events.push(event('5-0', 'five'));
  await cluster.turn();
  assert.equal(got.length, 2);
  assert.deepEqual(
    cluster.since('3-0').map(({ id }) => id),
    ['4-0', '5-0'],
  );
});

test('a gateway that comes late reads the whole hour, and holds no more than that', async () => {
  const { held, follow } = streams();
  held.samples = Array.from({ length: SAMPLES_HELD }, (_, i) => sample(`${i + 1}-0`));
  const cluster = createFollowCluster({ follow, show: ({ text }) => text });
  await cluster.turn();
  assert.equal(cluster.samples().length, SAMPLES_HELD);
  for (let i = 0; i < 1_000; i += 1) {
    held.samples.push(sample(`${SAMPLES_HELD + i + 1}-0`));
    if (i % 50 === 49) await cluster.turn();
  }
  assert.equal(cluster.samples().length, SAMPLES_HELD);
  assert.equal(cluster.samples().at(-1)?.id, `${SAMPLES_HELD + 1_000}-0`);
});

test('an event that is too long keeps its sentence', () => {
  const text = eventText('tune', { sentence: 'long', more: 'x'.repeat(LONGEST_EVENT) });
  assert.deepEqual(JSON.parse(text), { kind: 'tune', detail: { sentence: 'long' } });
});
