/**
 * Bytes of the requests that are being read or answered, and of answers that nobody has read yet. Beyond the limit a new
 * body is refused unread; close to it the bodies that are being read have to wait. Invariant: the count goes back to
 * what it was when a request has ended, however it ended.
 */
import type { IncomingMessage } from 'node:http';

import { Failure } from '@batchyard/shared/contract/failure';

/** Bodies that may be read on: all, the one that began first, none. */
export type Reading = 'all' | 'oldest' | 'none';

const PAUSE_AT = 0.9;
const RESUME_AT = 0.8;
const RETRY_S = 1;

/**
 * One body goes on close to the limit, so that what is half read ends and lets go of its bytes. At the limit it waits
 * too, unless half-read bodies are all there is: then nothing else would ever let go.
 */
export function decideReading(
  { total, reading }: { readonly total: number; readonly reading: number },
  limit: number,
  before: Reading,
): Reading {
  if (total < (before === 'all' ? PAUSE_AT : RESUME_AT) * limit) return 'all';
  return total < limit || reading >= total ? 'oldest' : 'none';
}

export const overfull = (): Failure =>
  new Failure('overloaded', 'the gateway holds as many bytes of requests as it may, try again', {
    retryAfterS: RETRY_S,
  });

const HELD = Symbol('bytes in flight');
/** Whatever the bytes are counted for. */
type Holder = object & { [HELD]?: number };
type Counted = IncomingMessage & Holder;

export type BytesInFlight = {
  /** @param bytes that are announced; @throws Failure overloaded */
  enter(bytes: number): void;
  /** Nothing is known of what comes, but there is room for something. */
  hasRoom(): boolean;
  /** So many bytes of the request's body have come. */
  came(request: object, bytes: number): void;
  /** More of the body is to come: it may be made to wait. */
  startReading(request: IncomingMessage): void;
  /** All of it is there, or it was given up. */
  stopReading(request: IncomingMessage): void;
  /** The request has ended. */
  leave(request: object): void;
  /** Bytes of answers that the sockets still hold, told now and then. */
  unread(bytes: number): void;
  stats(): InFlightStats;
};
export type InFlightStats = {
  readonly limitBytes: number;
  readonly requestBytes: number;
  readonly unreadAnswerBytes: number;
  readonly highWaterBytes: number;
  /** Bodies that come in more than one part now, and those of them that wait. */
  readonly reading: number;
  readonly paused: number;
  readonly refused: number;
  readonly pauses: number;
};

export function createBytesInFlight(limitBytes: number): BytesInFlight {
  /** In the order in which they began. */
  const bodies = new Set<Counted>();
  let [requestBytes, readingBytes, answerBytes, highWaterBytes] = [0, 0, 0, 0];
  let [refused, pauses, paused] = [0, 0, 0];
  let state: Reading = 'all';

  const held = (request: Holder): number => request[HELD] ?? 0;
  const total = (): number => requestBytes + answerBytes;

  function steer(): void {
    const next = decideReading({ total: total(), reading: readingBytes }, limitBytes, state);
    if (next === 'all' && state === 'all') return;
    if (next !== 'all' && state === 'all') pauses += 1;
    state = next;
    let may = next === 'all' ? Infinity : Number(next === 'oldest');
    paused = 0;
    for (const body of bodies) {
      if (may > 0) body.resume();
      else {
        body.pause();
        paused += 1;
      }
      may -= 1;
    }
  }
  function stopReading(request: Counted): void {
    if (!bodies.delete(request)) return;
    readingBytes -= held(request);
    steer();
  }

  return {
    enter(bytes) {
      if (total() + bytes <= limitBytes) return;
      refused += 1;
      throw overfull();
    },
    hasRoom: () => total() < limitBytes,
    came(request: Holder, bytes) {
      request[HELD] = held(request) + bytes;
      requestBytes += bytes;
      if (bodies.size > 0 && bodies.has(request as Counted)) readingBytes += bytes;
      if (total() > highWaterBytes) highWaterBytes = total();
      if (bodies.size > 0) steer();
    },
    startReading(request: Counted) {
      bodies.add(request);
      readingBytes += held(request);
      steer();
    },
    stopReading,
    leave(request: Holder) {
      stopReading(request as Counted);
      requestBytes -= held(request);
      request[HELD] = 0;
      if (bodies.size > 0) steer();
    },
    unread(bytes) {
      answerBytes = bytes;
      if (bodies.size > 0) steer();
    },
    stats: () => ({
      limitBytes,
      requestBytes,
      unreadAnswerBytes: answerBytes,
      highWaterBytes,
      reading: bodies.size,
      paused,
      refused,
      pauses,
    }),
  };
}
