import assert from 'node:assert/strict';
import { test } from 'node:test';

import { status, type ServerInterceptingCallInterface } from '@grpc/grpc-js';

import { createBytesInFlight } from '../http/bytes-in-flight.ts';
import { createCallGuard } from './call-guard.ts';

type Status = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];
type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];
type Method = Parameters<ReturnType<typeof createCallGuard>['interceptor']>[0];

/** What the library has under an interceptor, moved by hand. */
function puppet() {
  let heard: Listener | undefined;
  const flushes: (() => void)[] = [];
  const seen = { reads: 0, statuses: [] as (number | undefined)[] };
  const call = {
    start: (listener: Listener) => void (heard = listener),
    startRead: () => void (seen.reads += 1),
    sendMessage: (_message: unknown, flushed: () => void) => void flushes.push(flushed),
    sendMetadata: () => undefined,
    sendStatus: ({ code }: Status) => void seen.statuses.push(code ?? -1),
    getConnectionInfo: () => ({ remotePort: 7 }),
  } as unknown as ServerInterceptingCallInterface;
  return {
    call,
    seen,
    flush: () => flushes.shift()?.(),
    message: (wireBytes: number) => heard?.onReceiveMessage({ wireBytes }),
    over: () => heard?.onCancel(),
  };
}

const quiet: Listener = {
  onReceiveMetadata: () => undefined,
  onReceiveMessage: () => undefined,
  onReceiveHalfClose: () => undefined,
  onCancel: () => undefined,
};
const method = (requestStream: boolean): Method => ({ requestStream }) as Method;

function guarded(most: Partial<{ calls: number; reading: number; inStream: number }> = {}, limitBytes = 1_000) {
  const bytes = createBytesInFlight(limitBytes);
  const cut: unknown[] = [];
  const guard = createCallGuard({
    bytes,
    most: { calls: 10, reading: 10, inStream: 10, ...most },
    readMs: 50,
    answerMs: 50,
    cutOff: (port) => void cut.push(port),
  });
  const open = (streamed: boolean) => {
    const under = puppet();
    const call = guard.interceptor(method(streamed), under.call);
    call.start(quiet);
    return { ...under, call };
  };
  return { guard, open, cut, held: () => bytes.stats().requestBytes };
}
const answerOf = (bytes: number) => ({ raw_output_contents: [new Uint8Array(bytes)] });
const nothing = (): void => undefined;

test('beyond the most calls one is refused unread, until another has ended', () => {
  const { open } = guarded({ calls: 1 });
  const first = open(false);
  assert.deepEqual(open(false).seen, { reads: 0, statuses: [status.UNAVAILABLE] });
  first.over();
  assert.deepEqual(open(false).seen.statuses, []);
});

test('unary requests are read in turn', () => {
  const { open } = guarded({ reading: 1 });
  const [first, second, third] = [open(false), open(false), open(false)];
  for (const { call } of [first, second, third]) call.startRead();
  const reads = () => [first, second, third].map(({ seen }) => seen.reads);
  assert.deepEqual(reads(), [1, 0, 0]);
  second.over();
  first.message(10);
  assert.deepEqual(reads(), [1, 0, 1]);
});

test('a request counts until its call is over, and is refused where there is no room', () => {
  const { open, held } = guarded();
  const first = open(false);
  first.call.startRead();
  first.message(900);
  assert.equal(held(), 900);
  const second = open(false);
  second.call.startRead();
  second.message(200);
  assert.deepEqual(second.seen.statuses, [status.UNAVAILABLE]);
  first.over();
  second.over();
  assert.equal(held(), 0);
});

test('an answer counts until it is taken; a caller that does not take it loses its connection', () => {
  const { guard, open, held, cut } = guarded();
  const { call, flush } = open(false);
  call.sendMessage(answerOf(300), nothing);
  assert.equal(held(), 300);
  guard.sweep(performance.now());
  assert.deepEqual(cut, []);
  guard.sweep(performance.now() + 60);
  assert.deepEqual(cut, [7]);
  flush();
  assert.equal(held(), 0);
});

test('a request that comes too slowly ends', () => {
  const { guard, open } = guarded();
  const { call, seen } = open(false);
  call.startRead();
  guard.sweep(performance.now() + 60);
  assert.deepEqual(seen.statuses, [status.DEADLINE_EXCEEDED]);
});

test('a stream is read on once an answer has left, and once there is room again', () => {
  const { guard, open, held } = guarded({ inStream: 1 }, 100);
  const stream = open(true);
  stream.call.startRead();
  stream.message(60);
  stream.call.startRead();
  assert.equal(stream.seen.reads, 1);
  const other = open(true);
  other.call.startRead();
  other.message(60);
  stream.call.sendMessage(answerOf(10), nothing);
  stream.flush();
  assert.equal(held(), 60);
  assert.equal(stream.seen.reads, 2);
  stream.message(60);
  stream.call.sendMessage({ infer_response: answerOf(0) }, nothing);
  stream.flush();
  other.over();
  guard.sweep(performance.now());
  assert.equal(held(), 0);
});
