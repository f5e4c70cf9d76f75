/**
 * A request's body, bounded: by Content-Length before the first byte, by counting when it comes in chunks, and while it
 * is inflated. Without a length or encoding problem the bytes are those of the socket, concatenated once. The bytes of all
 * bodies together are bounded as well.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib';

import { Failure } from '@batchyard/shared/contract/failure';
import { createCopyCount, type Passed } from '@batchyard/shared/contract/memory';

import { createBytesInFlight, type BytesInFlight } from './bytes-in-flight.ts';

/** What is told of the bytes that come. */
export type Intake = {
  readonly inFlight: BytesInFlight;
  readonly copies: Passed;
  /** How many times its size a large compressed body may inflate to; 20 where it is left out. */
  readonly inflation?: number;
};
export type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };

const INFLATION = 20;
const INFLATION_FROM_BYTES = 1_048_576;

const tooLarge = (limit: number): Failure =>
  new Failure('too_large', `the request body exceeds the maximum allowed size of ${limit} bytes`);

const endedEarly = (): Failure => new Failure('bad_request', 'the body ended early');

function inflater(encoding: string): Gunzip | Inflate | undefined {
  if (encoding === '' || encoding === 'identity') return undefined;
  if (encoding === 'gzip') return createGunzip();
  if (encoding === 'deflate') return createInflate();
  throw new Failure(
    'unsupported_encoding',
    `the content encoding '${encoding.slice(0, 32)}' is not supported; use gzip or deflate`,
  );
}

const small = new WeakMap<IncomingMessage, Buffer>();

/** For a body that is small, and whose bytes count nowhere. @throws Failure as `readBody` does */
export async function readSmallBody(exchange: Exchange, limit: number): Promise<Buffer> {
  const body = await readBody(exchange, limit, {
    inFlight: createBytesInFlight(limit),
    copies: createCopyCount().request,
  });
  small.set(exchange.request, body);
  return body;
}

/** What `readSmallBody` has read of it. */
export const sentBody = (request: IncomingMessage): string => small.get(request)?.toString() ?? '';

/** @throws Failure too_large, overloaded, unsupported_encoding or bad_request */
export async function readBody({ request, response }: Exchange, limit: number, intake: Intake): Promise<Buffer> {
  const told = request.headers['content-length'];
  if (told !== undefined && Number(told) > limit) throw tooLarge(limit);
  const { inFlight, copies } = intake;
  inFlight.enter(told === undefined ? 0 : Number(told));
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined) {
    const stream = inflater(encoding.trim().toLowerCase());
    if (stream) {
      askFor(request, response);
      return inflate({ request, response }, stream, limit, intake);
    }
  }
  askFor(request, response);
  return new Promise((resolve, reject) => {
    const parts = createParts();
    const length = Number(told);
    request.on('data', (part: Buffer) => {
      if (parts.bytes() + part.byteLength > limit) {
        request.removeAllListeners('data');
        inFlight.stopReading(request);
        request.resume();
        reject(tooLarge(limit));
        return;
      }
      // What comes in one part, as most do, has nothing to wait for.
      if (parts.bytes() === 0 && part.byteLength !== length) inFlight.startReading(request);
      inFlight.came(request, part.byteLength);
      parts.add(part);
    });
    request.on('end', () => {
      inFlight.stopReading(request);
      const whole = parts.whole();
      copies.bytes += whole.byteLength;
      copies.body += parts.copied();
      resolve(whole);
    });
    const early = (): void => reject(endedEarly());
    request.on('aborted', early);
    // Answered by somebody else, as a body is that turns out to be broken: then the request never ends.
    response.once('close', () => {
      if (!request.readableEnded) early();
    });
    request.on('error', reject);
  });
}

/** What waits with its body until it is asked for is asked now, when nothing is left that could refuse it unread. */
function askFor(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined && request.httpVersion === '1.1') response.writeContinue();
}

/**
 * A body piece by piece, of which nothing is held here; whoever stops early leaves the rest of it in the socket.
 * @throws Failure as `readBody` does
 */
export async function* readInPieces({ request, response }: Exchange, limit: number): AsyncGenerator<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const stream = inflater(
    String(request.headers['content-encoding'] ?? '')
      .trim()
      .toLowerCase(),
  );
  askFor(request, response);
  if (stream) {
    request.pipe(stream);
    request.once('close', () => {
      if (!request.complete) stream.destroy(endedEarly());
    });
  }
  let bytes = 0;
  try {
    for await (const piece of (stream ?? request).iterator({ destroyOnReturn: false })) {
      bytes += (piece as Buffer).byteLength;
      if (bytes > limit) throw tooLarge(limit);
      yield piece as Buffer;
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw stream && !request.destroyed ? new Failure('bad_request', 'the compressed body is corrupt') : endedEarly();
  } finally {
    if (stream) request.unpipe(stream);
  }
}

const SMALL_BYTES = 1_024;
const ROOM_BYTES = 65_536;
const NO_ROOM = Buffer.alloc(0);

/** Collects a body. Small parts are copied together: each would cost a hundred times its bytes as a Buffer of its own. */
function createParts() {
  const parts: Buffer[] = [];
  let bytes = 0;
  let copied = 0;
  let room = NO_ROOM;
  let used = 0;
  function seal(): void {
    if (used > 0) parts.push(room.subarray(0, used));
    room = room.subarray(used);
    used = 0;
  }
  return {
    bytes: () => bytes,
    add(part: Buffer): void {
      if (bytes === 0 || part.byteLength > SMALL_BYTES) {
        seal();
        parts.push(part);
      } else {
        if (used + part.byteLength > room.byteLength) {
          seal();
          room = Buffer.allocUnsafeSlow(ROOM_BYTES);
        }
        used += part.copy(room, used);
        copied += part.byteLength;
      }
      bytes += part.byteLength;
    },
    /** The one part as it came, or all of them concatenated once. */
    whole(): Buffer {
      seal();
      if (parts.length === 1) return parts[0] as Buffer;
      copied += bytes;
      return Buffer.concat(parts, bytes);
    },
    copied: () => copied,
  };
}

function inflate(
  { request, response }: Exchange,
  stream: Gunzip | Inflate,
  limit: number,
  { inFlight, copies, inflation = INFLATION }: Intake,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let inflated = 0;
    let packed = 0;
    inFlight.startReading(request);
    const fail = (error: Failure): void => {
      request.unpipe(stream);
      stream.destroy();
      inFlight.stopReading(request);
      request.resume();
      reject(error);
    };
    request.on('data', (part: Buffer) => (packed += part.byteLength));
    const early = (): void => fail(endedEarly());
    request.on('aborted', early);
    response.once('close', () => {
      if (!stream.readableEnded) early();
    });
    stream.on('data', (part: Buffer) => {
      inflated += part.byteLength;
      if (inflated > limit) fail(tooLarge(limit));
      else if (inflated > INFLATION_FROM_BYTES && inflated > inflation * packed) {
        fail(
          new Failure(
            'too_large',
            `the compressed body inflates beyond the maximum allowed ratio of ${inflation} to 1`,
          ),
        );
      } else {
        inFlight.came(request, part.byteLength);
        parts.push(part);
      }
    });
    stream.on('end', () => {
      inFlight.stopReading(request);
      copies.bytes += inflated;
      copies.body += inflated;
      resolve(Buffer.concat(parts, inflated));
    });
    stream.on('error', () => fail(new Failure('bad_request', 'the compressed body is corrupt')));
    request.pipe(stream);
  });
}
