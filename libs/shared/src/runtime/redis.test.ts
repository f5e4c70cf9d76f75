import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Command } from 'ioredis';

import { commandPieces, copiedByCommand } from './redis.ts';

const large = (fill: number, bytes = 20_000): Buffer => Buffer.alloc(bytes, fill);

test('a command in pieces is the same bytes as ioredis writes', () => {
  for (const args of [
    ['sha', 1, 'key', large(1)],
    ['sha', 1, 'schlüssel', Buffer.from('head'), large(1), large(2), Buffer.alloc(0), large(3, 16_384), 'tail'],
    [large(1), Buffer.from('x'), 7],
  ]) {
    const whole = new Command('EVALSHA', args, { replyEncoding: null }).toWritable({});
    assert.deepEqual(Buffer.concat(commandPieces('EVALSHA', args)), Buffer.from(whole));
  }
});

test('a large argument goes to the socket as it is, a small one is copied', () => {
  const [one, two] = [large(1), large(2, 16_383)];
  const pieces = commandPieces('EVALSHA', ['sha', one, two]);
  assert.equal(pieces.filter((piece) => piece.buffer === one.buffer).length, 1);
  assert.equal(pieces.filter((piece) => piece.buffer === two.buffer).length, 0);
  assert.deepEqual(
    [one, two].map(({ byteLength }) => copiedByCommand(byteLength)),
    [0, 16_383],
  );
});
