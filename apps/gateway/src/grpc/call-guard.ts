/**
 * What one gateway takes on at once over gRPC, whatever its callers do. The library reads nothing of a call before it is
 * asked to, so a call waits here until it may be read.
 *
 * Invariants: no more calls than `most.calls` are under way and no more unary requests than `most.reading` are half read;
 * a stream is not read on while `most.inStream` of its requests are unanswered or the bytes in flight are at their limit;
 * requests and answers count as bytes in flight until the answer is on its way to the socket, or the call has ended.
 */
import { ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from '@grpc/grpc-js';

import { Failure } from '@batchyard/shared/contract/failure';

import { statusOf } from './call-status.ts';
import { createTurns, createWatch, type Turns, type Watch } from './waiting-lines.ts';

/** Of the memory that requests of both protocols share. */
export type ByteCount = {
  /** @throws Failure overloaded */
  enter(bytes: number): void;
  hasRoom(): boolean;
  came(holder: object, bytes: number): void;
  leave(holder: object): void;
};

type Call = ServerInterceptingCallInterface;
type Listener = Parameters<Call['start']>[0];

type Parts = {
  readonly bytes: ByteCount;
  readonly most: { readonly calls: number; readonly reading: number; readonly inStream: number };
  /** How long a unary request may take to arrive, and an answer to be taken. */
  readonly readMs: number;
  readonly answerMs: number;
  /** Ends the connection of a caller that does not take its answers. */
  cutOff(remotePort: number | undefined): void;
};

export type CallGuard = {
  readonly interceptor: ServerInterceptor;
  /** Ends what has taken too long; to be called now and then. */
  sweep(nowMs: number): void;
};

/** What the calls have in common. */
type Books = {
  readonly bytes: ByteCount;
  readonly inStream: number;
  readonly turns: Turns;
  readonly reading: Watch<Call>;
  readonly unread: Watch<Call>;
  /** Streams that wait for room. */
  readonly held: Set<() => void>;
};

type Wire = { readonly wireBytes?: number; readonly raw_output_contents?: readonly Uint8Array[] };
type AnswerMessage = Wire & { readonly infer_response?: Wire };

function answerBytes({ raw_output_contents: raw, infer_response: inner }: AnswerMessage): number {
  let bytes = 0;
  for (const data of raw ?? inner?.raw_output_contents ?? []) bytes += data.byteLength;
  return bytes;
}

const tooManyCalls = (): Failure =>
  new Failure('overloaded', 'the gateway has as many calls under way as it may, try again', { retryAfterS: 1 });
const tooSlow = (): Failure => new Failure('request_timeout', 'the request came too slowly');

/** The listener with some of its parts changed. */
const heard = (listener: Listener, changes: Partial<Listener>): Listener => ({
  onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
  onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
  onReceiveHalfClose: () => listener.onReceiveHalfClose(),
  onCancel: () => listener.onCancel(),
  ...changes,
});

type Changes = Pick<Call, 'startRead'> & {
  readonly listen: (listener: Listener) => Partial<Listener>;
  answered?(): void;
};

/** The call with these changes, and with its answers counted until they are taken. The library tells the end of every call as its cancelling. */
function guarded({ bytes, unread }: Books, call: Call, { listen, startRead, answered }: Changes): Call {
  const answers = new Set<object>();
  const taken = (answer: object): void => {
    if (!answers.delete(answer)) return;
    bytes.leave(answer);
    if (answers.size === 0) unread.delete(call);
  };
  return {
    start(listener) {
      const changes = listen(listener);
      const onCancel = (): void => {
        for (const answer of answers) taken(answer);
        if (changes.onCancel) changes.onCancel();
        else listener.onCancel();
      };
      call.start(heard(listener, { ...changes, onCancel }));
    },
    startRead,
    sendMessage(message: AnswerMessage, callback) {
      const answer = {};
      answers.add(answer);
      bytes.came(answer, answerBytes(message));
      unread.add(call);
      call.sendMessage(message, () => {
        taken(answer);
        answered?.();
        callback();
      });
    },
    sendMetadata: (metadata) => call.sendMetadata(metadata),
    sendStatus: (status) => call.sendStatus(status),
    getPeer: () => call.getPeer(),
    getDeadline: () => call.getDeadline(),
    getHost: () => call.getHost(),
    getAuthContext: () => call.getAuthContext(),
    getConnectionInfo: () => call.getConnectionInfo(),
    getMetricsRecorder: () => call.getMetricsRecorder(),
  };
}

/** A unary call is read in its turn; what comes is counted, and refused where there is no room for it. */
function guardUnary(books: Books, call: Call): Call {
  const { bytes, turns, reading } = books;
  const request = {};
  let state: 'new' | 'reading' | 'read' = 'new';
  const begin = (): void => {
    reading.add(call);
    call.startRead();
  };
  function stopReading(): void {
    if (state !== 'reading') return;
    state = 'read';
    reading.delete(call);
    turns.leave(begin);
  }
  return guarded(books, call, {
    listen: (listener) => ({
      onReceiveMessage(message: Wire) {
        stopReading();
        try {
          bytes.enter(message.wireBytes ?? 0);
        } catch (error) {
          call.sendStatus(statusOf(error));
          return;
        }
        bytes.came(request, message.wireBytes ?? 0);
        listener.onReceiveMessage(message);
      },
      onReceiveHalfClose() {
        stopReading();
        listener.onReceiveHalfClose();
      },
      onCancel() {
        stopReading();
        bytes.leave(request);
        listener.onCancel();
      },
    }),
    startRead() {
      if (state !== 'new') call.startRead();
      else {
        state = 'reading';
        turns.enter(begin);
      }
    },
  });
}

/** A stream is read on while there is room for what comes. */
function guardStream(books: Books, call: Call): Call {
  const { bytes, inStream, held } = books;
  const unanswered: object[] = [];
  let wantsMore = false;
  const readOn = (): void => {
    if (!wantsMore || unanswered.length >= inStream || !bytes.hasRoom()) return;
    wantsMore = false;
    held.delete(readOn);
    call.startRead();
  };
  return guarded(books, call, {
    listen: (listener) => ({
      onReceiveMessage(message: Wire) {
        const request = {};
        unanswered.push(request);
        bytes.came(request, message.wireBytes ?? 0);
        listener.onReceiveMessage(message);
      },
      onCancel() {
        held.delete(readOn);
        for (const request of unanswered.splice(0)) bytes.leave(request);
        listener.onCancel();
      },
    }),
    startRead() {
      wantsMore = true;
      readOn();
      if (wantsMore) held.add(readOn);
    },
    answered() {
      const request = unanswered.shift();
      if (request) bytes.leave(request);
      readOn();
    },
  });
}

export function createCallGuard({ bytes, most, readMs, answerMs, cutOff }: Parts): CallGuard {
  const books: Books = {
    bytes,
    inStream: most.inStream,
    turns: createTurns(most.reading),
    reading: createWatch(),
    unread: createWatch(),
    held: new Set(),
  };
  let calls = 0;

  /** Counts it until its end. */
  function counted(call: Call): Call {
    calls += 1;
    let isOver = false;
    const end = (): void => {
      if (!isOver) calls -= 1;
      isOver = true;
    };
    const start = (listener: Listener): void =>
      call.start(
        heard(listener, {
          onCancel() {
            end();
            listener.onCancel();
          },
        }),
      );
    return { ...call, start };
  }

  return {
    interceptor(method, call) {
      const own = method.requestStream ? guardStream(books, call) : guardUnary(books, call);
      if (calls < most.calls) return new ServerInterceptingCall(counted(own));
      // Answered without a look at what it asks for.
      return new ServerInterceptingCall({ ...own, start: () => call.sendStatus(statusOf(tooManyCalls())) });
    },
    sweep(nowMs) {
      for (const call of books.reading.late(nowMs, readMs)) call.sendStatus(statusOf(tooSlow()));
      for (const call of books.unread.late(nowMs, answerMs)) cutOff(call.getConnectionInfo().remotePort);
      for (const readOn of books.held) readOn();
    },
  };
}
