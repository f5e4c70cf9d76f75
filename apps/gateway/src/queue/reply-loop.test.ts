import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import type { Reply } from '@batchyard/queue/operations';

import { startReplyLoop } from './reply-loop.ts';

const reply = (id: string): Reply => ({ id, outcome: 'succeeded', text: '{}', output: undefined });
const MEBIBYTE = 1_048_576;

type Step = Reply[] | Error;

/**
 * Reads are answered as scripted, each `stepMs` after the one before; the last one blocks until it is told `release`.
 */
async function puppet(context: TestContext, steps: Step[], { stepMs = 0, bytes = 1, alive = [] as boolean[] } = {}) {
  const clock = { ms: 0 };
  context.mock.method(performance, 'now', () => clock.ms);
  const delivered: string[] = [];
  const log: string[] = [];
  const pauses: number[] = [];
  let opened = 0;
  let reads = 0;
  let release: () => void = () => undefined;
  const loop = await new Promise<Awaited<ReturnType<typeof startReplyLoop>>>((resolve) => {
    let started: ReturnType<typeof startReplyLoop> | undefined;
    started = startReplyLoop({
      gateway: 'g',
      stream: {
        async open() {
          opened += 1;
          return `${opened}-0`;
        },
        async keepAlive() {
          log.push('alive?');
          return alive.shift() ?? true;
        },
        async read(_gateway, lastId) {
          log.push(`read ${lastId}`);
          clock.ms += stepMs;
          reads += 1;
          const step = steps.shift();
          if (step instanceof Error) throw step;
          if (step === undefined) {
            void started?.then(resolve);
            await new Promise<void>((free) => (release = free));
          }
          return { lastId: `${opened}-${reads}`, replies: step ?? [] };
        },
        trim: async (_gateway, lastId, count) => void log.push(`trim ${lastId} ${count}`),
        close: async () => void log.push('close'),
      },
      countedBytes: (replies) => replies.length * bytes,
      deliver: (replies) => delivered.push(...replies.map((one) => one.id)),
      afterGap: () => log.push('gap'),
      pause: async (ms) => void pauses.push(ms),
    });
  });
  return { loop, delivered, log, pauses, release: () => release() };
}

test('what is read is delivered in order, and reading goes on where it stood', async (context) => {
  const { delivered, log } = await puppet(context, [[reply('a'), reply('b')], [], [reply('c')]]);
  assert.deepEqual(delivered, ['a', 'b', 'c']);
  assert.deepEqual(log, ['read 1-0', 'read 1-1', 'read 1-2', 'read 1-3']);
});

test('what was read is trimmed once it is a quarter of a second old, together', async (context) => {
  const { log } = await puppet(context, [[reply('a')], [reply('b')], [reply('c')], [reply('d')]], { stepMs: 100 });
  assert.deepEqual(
    log.filter((line) => line.startsWith('trim')),
    ['trim 1-3 3'],
  );
});

test('much is trimmed at once, and nothing where nothing was read', async (context) => {
  const { log } = await puppet(context, [[reply('a')], [], []], { stepMs: 200, bytes: MEBIBYTE });
  assert.deepEqual(log, ['read 1-0', `trim 1-1 ${MEBIBYTE}`, 'read 1-1', 'read 1-2', 'read 1-3']);
});

test('after an error it reads on from where it stood and has everything polled', async (context) => {
  const { delivered, log, pauses } = await puppet(context, [[reply('a')], new Error('away'), [reply('b')]]);
  assert.deepEqual(delivered, ['a', 'b']);
  assert.deepEqual(pauses, [100]);
  assert.deepEqual(log, ['read 1-0', 'read 1-1', 'alive?', 'gap', 'read 1-1', 'read 1-3']);
});

test('a stream that has gone meanwhile is made again and read from its start', async (context) => {
  const { delivered, log } = await puppet(context, [new Error('away'), [reply('a')]], { alive: [false] });
  assert.deepEqual(log, ['read 1-0', 'alive?', 'gap', 'read 2-0', 'read 2-2']);
  assert.deepEqual(delivered, ['a']);
});

test('the stream is kept alive every ten seconds, and made again where that finds it gone', async (context) => {
  const { log } = await puppet(context, [[], [], [], []], { stepMs: 5_000, alive: [true, false] });
  assert.deepEqual(log, ['read 1-0', 'read 1-1', 'alive?', 'read 1-2', 'read 1-3', 'alive?', 'gap', 'read 2-0']);
});

test('a delivery that throws counts as a gap and ends nothing', async () => {
  const delivered: string[] = [];
  let gaps = 0;
  let reads = 0;
  const ended = new Promise<void>((resolve) => {
    void startReplyLoop({
      gateway: 'g',
      stream: {
        open: async () => '1-0',
        keepAlive: async () => true,
        async read() {
          reads += 1;
          if (reads > 2) {
            resolve();
            await new Promise(() => undefined);
          }
          return { lastId: `1-${reads}`, replies: [reply(`r${reads}`)] };
        },
        trim: async () => undefined,
        close: async () => undefined,
      },
      countedBytes: () => 0,
      deliver([one]) {
        if (one?.id === 'r1') throw new Error('a waiter broke');
        delivered.push(one?.id ?? '');
      },
      afterGap: () => (gaps += 1),
      pause: async () => undefined,
    });
  });
  await ended;
  assert.deepEqual([delivered, gaps], [['r2'], 1]);
});

test('stop closes the stream and reads no more', async (context) => {
  const { loop, log, release } = await puppet(context, [[reply('a')]]);
  await loop.stop();
  assert.equal(log.at(-1), 'close');
  const before = log.length;
  release();
  await new Promise(setImmediate);
  assert.equal(log.length, before);
});
