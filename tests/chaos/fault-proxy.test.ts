/** The proxy does to a real Redis' clients what it says, and nothing else. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, beforeEach, afterEach, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/system.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { createValueReader, firstWords, valueEnd } from './resp.ts';

const ECHO = 'return ARGV[1]';
const ECHO_SHA = createHash('sha1').update(ECHO).digest('hex');

let server: TestRedis;
let proxy: FaultProxy;
let redis: Redis;
before(async () => {
  server = await startRedis([]);
});
after(() => server.stop());
beforeEach(async () => {
  proxy = await startFaultProxy(server.port, { echo: { sha: ECHO_SHA } });
  redis = connectRedis(`redis://127.0.0.1:${proxy.port}`, 'commands', { enableOfflineQueue: true });
  await redis.connect();
});
afterEach(async () => {
  redis.disconnect();
  await proxy.stop();
});

test('values of both protocols end where they end, however they are cut', () => {
  const values = [
    '+OK\r\n',
    '-ERR no\r\n',
    ':12\r\n',
    '$5\r\na\r\nbc\r\n',
    '$-1\r\n',
    '$0\r\n\r\n',
    '*-1\r\n',
    '*0\r\n',
    '*2\r\n*1\r\n:1\r\n$1\r\nx\r\n',
    '_\r\n',
    '#t\r\n',
    ',1.5\r\n',
    '(12345678901234567890\r\n',
    '=7\r\ntxt:a\r\n\r\n',
    '!3\r\nERR\r\n',
    '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n',
    '~1\r\n+a\r\n',
    '>2\r\n+invalidate\r\n*0\r\n',
    '|1\r\n+ttl\r\n:3\r\n:9\r\n',
  ];
  const stream = Buffer.from(values.join(''));
  for (const size of [1, 2, 3, 7, stream.length]) {
    const read: string[] = [];
    const feed = createValueReader((value) => read.push(value.toString()));
    for (let at = 0; at < stream.length; at += size) feed(stream.subarray(at, at + size));
    assert.deepEqual(read, values);
  }
  assert.equal(valueEnd(Buffer.from('*2\r\n:1\r\n')), -1);
  assert.throws(() => valueEnd(Buffer.from('hello\r\n')));
});

test('the first words of a command are read from its bytes', () => {
  assert.deepEqual(firstWords(Buffer.from('*3\r\n$7\r\nevalsha\r\n$2\r\nab\r\n$1\r\n1\r\n')), ['EVALSHA', 'ab']);
  assert.deepEqual(firstWords(Buffer.from('*1\r\n$4\r\nPING\r\n')), ['PING', '']);
});

test('commands and large replies pass unharmed', async () => {
  const large = Buffer.alloc(3_000_000, 7);
  await redis.set('large', large);
  const [got, ...numbers] = await Promise.all([redis.getBuffer('large'), ...[1, 2, 3].map(() => redis.incr('n'))]);
  assert.ok(got?.equals(large));
  assert.deepEqual(numbers, [1, 2, 3]);
});

test('one error takes the place of one reply, in order, and Redis does not see the command', async () => {
  const armed = proxy.failNext('INCR', 'READONLY You cannot write');
  await redis.set('once', 1);
  const answers = await Promise.allSettled([
    redis.get('once'),
    redis.incr('once'),
    redis.incr('once'),
    redis.get('once'),
  ]);
  await armed.hit;
  assert.deepEqual(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : String(answer.reason))),
    ['1', 'ReplyError: READONLY You cannot write', 2, '2'],
  );
});

test('a trap for a script hits it by hash and by text, and no other script', async () => {
  const armed = proxy.failNext('echo', 'MISCONF no disk');
  assert.equal(await redis.eval('return 1', 0), 1);
  assert.equal(armed.happened(), false);
  await assert.rejects(redis.eval(ECHO, 0, 'a'), /MISCONF/);
  proxy.failNext('echo', 'LOADING');
  await assert.rejects(redis.evalsha(ECHO_SHA, 0, 'a'), /LOADING/);
  proxy.failNext('echo', 'LOADING').disarm();
  assert.equal(await redis.eval(ECHO, 0, 'a'), 'a');
});

test('a dropped reply belongs to a command that was carried out', async () => {
  const armed = proxy.dropNext('SET');
  await assert.rejects(redis.set('kept', 'yes'));
  await armed.hit;
  assert.equal(await until('it is connected again', () => redis.get('kept')), 'yes');
});

test('latency delays every reply and keeps their order', async () => {
  const begun = performance.now();
  proxy.setLatency(60);
  const answers = await Promise.all([redis.incr('ordered'), redis.incr('ordered'), redis.incr('ordered')]);
  assert.deepEqual(answers, [1, 2, 3]);
  assert.ok(performance.now() - begun >= 59);
});

test('a reset breaks all connections, and new ones work', async () => {
  const closed = new Promise((resolve) => void redis.once('close', resolve));
  proxy.resetAll();
  await closed;
  assert.equal(await until('it is connected again', () => redis.ping()), 'PONG');
});

test('a black hole takes connections and answers nothing, then goes on', async () => {
  proxy.blackHole(true);
  await assert.rejects(redis.set('late', 1), /timed out/);
  const socket: Socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('*1\r\n$4\r\nPING\r\n');
  proxy.blackHole(false);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.equal(answer.toString(), '+PONG\r\n');
  assert.equal(await redis.get('late'), '1');
  socket.destroy();
});

test('a half-open connection stays open, unanswered, while new ones work, until its client gives it up', async () => {
  proxy.halfOpen();
  await assert.rejects(redis.ping(), /timed out/);
  assert.equal(redis.status, 'ready');
  const other = connectRedis(`redis://127.0.0.1:${proxy.port}`, 'commands');
  await other.connect();
  assert.equal(await other.ping(), 'PONG');
  other.disconnect();
  assert.equal(await until('another connection was made', () => redis.ping(), 5_000), 'PONG');
});
