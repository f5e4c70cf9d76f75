/** One client of the fuzzer: a connection kept alive for requests that are framed, a new one for each that is not. */
import { connect, type Socket } from 'node:net';

import { readAnswer, type RawAnswer } from '../support/raw-http.ts';

/** Within it every exchange must have ended; the longest poll asked for is 20 s. */
const LIMIT_MS = 30_000;
/** Unframed bytes may or may not be a whole request: after so long without a word the client says it has ended. */
const QUIET_MS = 100;

export type Outcome = {
  readonly answers: readonly RawAnswer[];
  /** Undefined: it ended as it should. */
  readonly problem: string | undefined;
};

type Reading = { answers: RawAnswer[]; rest: Buffer };

/** Takes the whole answers off the front. @throws Error where the bytes are no answer */
function take(reading: Reading, toHead: boolean): void {
  for (let found = readAnswer(reading.rest, toHead); found; found = readAnswer(reading.rest, toHead)) {
    reading.rest = reading.rest.subarray(found.end);
    if (found.answer.status >= 200) reading.answers.push(found.answer);
  }
}

/** Runs until `settled` says so of what has been read, the server closes, or the limit. */
function converse(
  socket: Socket,
  bytes: Buffer,
  settled: (answers: readonly RawAnswer[]) => boolean,
): Promise<Outcome & { closed: boolean }> {
  const toHead = bytes.toString('latin1', 0, 5) === 'HEAD ';
  return new Promise((resolve) => {
    const reading: Reading = { answers: [], rest: Buffer.alloc(0) };
    const end = (closed: boolean, problem?: string): void => {
      clearTimeout(limit);
      for (const event of ['data', 'end', 'close', 'error']) socket.removeAllListeners(event);
      socket.on('error', () => undefined);
      resolve({ answers: reading.answers, problem, closed });
    };
    const limit = setTimeout(() => end(false, `not ended after ${LIMIT_MS} ms`), LIMIT_MS);
    socket.on('data', (part) => {
      reading.rest = Buffer.concat([reading.rest, part]);
      try {
        take(reading, toHead);
      } catch (error) {
        end(false, String(error));
        return;
      }
      if (settled(reading.answers)) end(false);
    });
    for (const event of ['end', 'close', 'error']) socket.on(event, () => end(true));
    socket.write(bytes);
  });
}

export function createLane(port: number) {
  let kept: Socket | undefined;
  const open = (): Socket => connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const drop = (): void => {
    kept?.destroy();
    kept = undefined;
  };

  async function framed(bytes: Buffer): Promise<Outcome> {
    kept ??= open();
    const got = await converse(kept, bytes, (answers) => answers.length > 0);
    const closes = got.closed || got.problem !== undefined || got.answers[0]?.headers.get('connection') === 'close';
    if (closes) drop();
    const problem = got.problem ?? (got.answers.length === 0 ? 'closed without an answer' : undefined);
    return { answers: got.answers, problem };
  }

  async function unframed(bytes: Buffer): Promise<Outcome> {
    const socket = open();
    socket.setTimeout(QUIET_MS, () => socket.end());
    const { answers, problem } = await converse(socket, bytes, () => false);
    socket.destroy();
    return { answers, problem };
  }

  return { send: (bytes: Buffer, isFramed: boolean) => (isFramed ? framed(bytes) : unframed(bytes)), close: drop };
}
