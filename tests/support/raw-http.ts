/** HTTP as bytes on a socket, for what no client library would send: any bytes out, and the answers read by their framing. */
import { connect, type Socket } from 'node:net';

export type RawAnswer = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
};

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** @returns the first answer and where it ends; undefined while it is not whole */
export function readAnswer(bytes: Buffer, toHead = false): { answer: RawAnswer; end: number } | undefined {
  const headEnd = bytes.indexOf(END_OF_HEAD);
  if (headEnd < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1]);
  if (!(status >= 100)) throw new Error(`no HTTP/1.1 status line: ${JSON.stringify(first.slice(0, 80))}`);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const from = headEnd + END_OF_HEAD.byteLength;
  const bodiless = toHead || status < 200 || status === 204 || status === 304;
  const end = from + (bodiless ? 0 : Number(headers.get('content-length') ?? 0));
  if (end > bytes.byteLength) return undefined;
  return { answer: { status, headers, body: bytes.subarray(from, end) }, end };
}

export type Exchange = {
  /** Final answers in the order in which they came; `100 Continue` is left out. */
  readonly answers: readonly RawAnswer[];
  /** `100 Continue` came. */
  readonly continued: boolean;
  /** The server closed the connection. */
  readonly closed: boolean;
  /** Bytes that are no whole answer. */
  readonly rest: Buffer;
};

type Options = {
  /** Resolve as soon as so many final answers have come; undefined: when the server closes. */
  readonly answers?: number;
  readonly limitMs?: number;
  /** Writes the request; default: the bytes at once. Runs once the socket is connected. */
  readonly write?: (socket: Socket) => void;
};

/** Opens a connection, writes, and reads until the asked number of answers, the server's close or the limit. */
export function exchange(port: number, bytes: string | Buffer, options: Options = {}): Promise<Exchange> {
  const { answers: wanted = Infinity, limitMs = 5_000, write = (socket: Socket) => void socket.write(bytes) } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const answers: RawAnswer[] = [];
    let continued = false;
    let rest: Buffer = Buffer.alloc(0);
    const done = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ answers, continued, closed, rest });
    };
    const timer = setTimeout(() => done(false), limitMs);
    socket.on('connect', () => write(socket));
    socket.on('data', (part) => {
      rest = Buffer.concat([rest, part]);
      try {
        for (let found = readAnswer(rest); found; found = readAnswer(rest)) {
          rest = rest.subarray(found.end);
          if (found.answer.status === 100) continued = true;
          else answers.push(found.answer);
        }
      } catch (error) {
        clearTimeout(timer);
        socket.destroy();
        reject(error);
        return;
      }
      if (answers.length >= wanted) done(false);
    });
    socket.on('end', () => done(true));
    socket.on('error', () => done(true));
    socket.on('close', () => done(true));
  });
}

/** The bytes of a request with a Content-Length that is right, unless `headers` has another framing. */
export function rawRequest(
  line: string,
  body: string | Buffer = '',
  headers: Readonly<Record<string, string | number>> = {},
): Buffer {
  const framed = Object.keys(headers).some((name) => /^(?:content-length|transfer-encoding)$/i.test(name));
  const all = { Host: 'x', ...(framed ? {} : { 'Content-Length': Buffer.byteLength(body) }), ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\n${head.join('')}\r\n`, 'latin1'), Buffer.from(body)]);
}
