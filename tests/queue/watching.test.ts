/** The two streams that tell of the cluster, on a real Redis: who may write, what is read, and that neither grows. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { SAMPLE_WORDS, type Sample, type Second } from '@batchyard/shared/contract/sample';
import { unpackText } from '@batchyard/shared/runtime/packed-text';

import { PREFIX, startQueue, type QueueUnderTest } from './queue-under-test.ts';

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());
afterEach(() => under.commands.flushall());

const sample = (atMs: number): Sample => ({
  at_ms: atMs,
  covers_ms: 1_000,
  upto: '0-0',
  gateways: 1,
  concurrency: 0,
  models: {},
  sla: {},
  processes: [],
  memory: { rss_bytes: 0, processes: 0, budget_share: 0 },
  cpu_share: 0,
  redis: { used_bytes: 0, memory_share: 0, ops_per_s: 0, cpu_cores: 0 },
  alerts: {},
});
const second = (gateway: string): Second => ({
  gateway,
  process: { name: gateway, kind: 'gateway', host: 'h', cores: 1, cpu_cores: 0, rss_bytes: 0, budget_bytes: 0 },
  concurrency: 0,
  models: {},
});
const FROM_START = { events: '0-0', samples: '0-0' };

test('only the gateway that steers writes samples, and everybody reads them', async () => {
  const { queue } = under;
  assert.equal(await queue.recordSample('g', sample(1)), false);
  await queue.steer('g', new Map());
  assert.equal(await queue.recordSample('other', sample(2)), false);
  assert.equal(await queue.recordSample('g', sample(3)), true);
  const { samples } = await queue.follow(FROM_START);
  assert.deepEqual(
    samples.map(({ text }) => (JSON.parse(unpackText(text, SAMPLE_WORDS)) as Sample).at_ms),
    [3],
  );
  const after3 = { ...FROM_START, samples: samples[0]?.id ?? '' };
  assert.deepEqual(await queue.follow(after3), { events: [], samples: [] });
});

test('what gateways tell is read once, from where the last sample ended', async () => {
  const { queue, commands } = under;
  const first = await queue.addSecond(second('a'));
  await queue.addSecond(second('b'));
  await commands.xadd(`${PREFIX}:x:seconds`, '*', 's', '{"of":"another version"}');
  const all = await queue.seconds('0-0');
  assert.deepEqual(
    all.seconds.map(({ gateway }) => gateway),
    ['a', 'b'],
  );
  assert.equal((await queue.seconds(first)).seconds.length, 1);
  assert.deepEqual(await queue.seconds(all.upto), { upto: all.upto, seconds: [] });
  assert.ok((await commands.pttl(`${PREFIX}:x:seconds`)) > 0);
});

test('the streams keep so many entries and no more', async () => {
  const { queue, commands } = under;
  for (let i = 0; i < 1_100; i += 1) queue.events.tell('tune', { sentence: String(i) });
  await queue.steer('g', new Map());
  const fill = commands.pipeline();
  for (let i = 0; i < 3_700; i += 1) fill.xadd(`${PREFIX}:x:samples`, '*', 's', '{}');
  await fill.exec();
  await queue.recordSample('g', sample(1));
  for (let i = 0; i < 600; i += 1) await queue.addSecond(second('g'));
  const lengths = await Promise.all(
    ['events', 'samples', 'seconds'].map((name) => commands.xlen(`${PREFIX}:x:${name}`)),
  );
  assert.deepEqual(lengths, [1_000, 3_600, 512]);
});

test('who acknowledged an alert is known to all, for a day', async () => {
  const { queue, commands } = under;
  await queue.acknowledge('queue_depth-1', 5);
  assert.deepEqual([...(await queue.acknowledged())], [['queue_depth-1', 5]]);
  assert.ok((await commands.pttl(`${PREFIX}:x:acknowledged`)) > 86_000_000);
});
