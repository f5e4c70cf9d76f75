import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Reply } from '@batchyard/queue/operations';

import { startReplyLoop } from './reply-loop.ts';

const reply = (id: string): Reply => ({ id, outcome: 'succeeded', text: '{}', output: undefined });
type Step = { lastId: string; replies: Reply[] } | Error;

/** Reads what it is given, then waits; `alive` says whether the stream is still there after trouble. */
async function loopOver(steps: readonly Step[], alive = true, bytes = 10) {
  const told: string[] = [];
  const left = [...steps];
  let idle = (): void => undefined;
  const read = new Promise<void>((resolve) => {
    idle = resolve;
  });
  const loop = await startReplyLoop({
    gateway: 'g',
    stream: {
      async open() {
        told.push('open');
        return '0-0';
      },
      keepAlive: async () => alive,
      async read(_gateway, lastId) {
        told.push(`read after ${lastId}`);
        const next = left.shift();
        if (next instanceof Error) throw next;
        if (next) return next;
        idle();
        return new Promise(() => undefined);
      },
      trim: async (_gateway, lastId, counted) => void told.push(`trim ${lastId} ${counted}`),
      close: async () => void told.push('close'),
    },
    countedBytes: (replies) => replies.length * bytes,
    deliver: (replies) => void told.push(`deliver ${replies.map(({ id }) => id).join(',')}`),
    afterGap: () => void told.push('poll all'),
    pause: async () => undefined,
  });
  await read;
  return { told, loop };
}

test('replies are delivered in order and the stream is read on from the last', async () => {
  const { told } = await loopOver([
    { lastId: '1-0', replies: [reply('a'), reply('b')] },
    { lastId: '2-0', replies: [reply('c')] },
  ]);
  assert.deepEqual(told, ['open', 'read after 0-0', 'deliver a,b', 'read after 1-0', 'deliver c', 'read after 2-0']);
});

test('what was read is trimmed once it has grown to a mebibyte', async () => {
  const { told } = await loopOver([{ lastId: '1-0', replies: [reply('a')] }], true, 2_000_000);
  assert.ok(told.includes('trim 1-0 2000000'));
});

test('after trouble it reads on where it stood and has everything looked at that waits', async () => {
  const { told } = await loopOver([{ lastId: '1-0', replies: [reply('a')] }, new Error('Connection is closed.')]);
  assert.deepEqual(told.slice(3), ['read after 1-0', 'poll all', 'read after 1-0']);
});

test('a stream that has gone is made again', async () => {
  const { told } = await loopOver([{ lastId: '1-0', replies: [] }, new Error('Connection is closed.')], false);
  assert.deepEqual(told.slice(3), ['read after 1-0', 'open', 'poll all', 'read after 0-0']);
});

test('stopping closes the stream, also while a read is open', async () => {
  const { told, loop } = await loopOver([]);
  await loop.stop();
  assert.equal(told.at(-1), 'close');
});
