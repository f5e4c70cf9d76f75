/** The request of a seed and an index: good, or good with something done to it. */
import type { RawAnswer } from '../support/raw-http.ts';
import { breakFraming, mutateBytes, mutateDocument, mutateHeaders, mutateTarget } from './mutations.ts';
import { createRandom, type Random } from './random.ts';
import { bodyOf, makeInfer, makeLook, type Check, type Request } from './valid-requests.ts';

export const KINDS = ['valid', 'document', 'bytes', 'headers', 'target', 'mixed', 'large', 'framing'] as const;
export type Kind = (typeof KINDS)[number];

export type FuzzCase = {
  readonly index: number;
  readonly kind: Kind;
  readonly bytes: Buffer;
  /** The framing is right: exactly one answer must come. */
  readonly framed: boolean;
  /** Of a good request. */
  readonly check: Check | undefined;
  /** What is asked next, of the job that this one has made. */
  readonly next: ((answer: RawAnswer) => FuzzCase | undefined) | undefined;
};

function chunked(body: Buffer, random: Random): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.byteLength;) {
    const piece = body.subarray(at, at + 1 + random.int(random.pick([4, 100, 10_000])));
    pieces.push(Buffer.from(`${piece.byteLength.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    at += piece.byteLength;
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/** Writes a request with a framing that is right. */
function write(request: Request, random: Random, change: (body: Buffer) => Buffer = (body) => body): Buffer {
  const described = bodyOf(request);
  const body = change(described.body);
  const inChunks = body.byteLength > 0 && random.chance(0.1);
  const framing: [string, string] = inChunks
    ? ['Transfer-Encoding', 'chunked']
    : ['Content-Length', String(body.byteLength)];
  const headers = [['Host', 'x'], ...described.headers, framing, ...request.headers];
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([
    Buffer.from(`${request.method} ${request.path} HTTP/1.1\r\n${head}\r\n`, 'latin1'),
    inChunks ? chunked(body, random) : body,
  ]);
}

const idOf = ({ body }: RawAnswer): string => (JSON.parse(body.toString()) as { id: string }).id;

/** The result of an accepted job, its cancelling, or a look at it. */
function followJob(index: number, random: Random, check: Check | undefined) {
  const choice = check ? 0 : random.int(4);
  const binary = random.chance(0.3) ? 'Accept: application/octet-stream\r\n' : '';
  return (answer: RawAnswer): FuzzCase | undefined => {
    if (answer.status !== 202) return undefined;
    const path = `/v1/jobs/${idOf(answer)}`;
    const line = [`GET ${path}/result?wait=20s`, `GET ${path}?wait=1s`, `DELETE ${path}`, `HEAD ${path}`][choice];
    const bytes = Buffer.from(`${line} HTTP/1.1\r\nHost: x\r\n${binary}\r\n`);
    return { index, kind: check ? 'valid' : 'mixed', bytes, framed: true, check, next: undefined };
  };
}

const accepted: Check = ({ status, body }) => {
  if (status !== 202) throw new Error(`a good job got ${status}: ${body.toString().slice(0, 200)}`);
};

function validCase(index: number, random: Random): FuzzCase {
  if (random.chance(0.1)) {
    const { request, check } = makeLook(random);
    return { index, kind: 'valid', bytes: write(request, random), framed: true, check, next: undefined };
  }
  const { request, check, job } = makeInfer(random);
  const next = job ? followJob(index, random, check) : undefined;
  return { index, kind: 'valid', bytes: write(request, random), framed: true, check: job ? accepted : check, next };
}

const LARGE_BYTES = 9 * 1_048_576;

/** One in so many requests of a kind that costs more than all others. */
const LARGE_SHARE = 1 / 2_500;

export function makeCase(seed: number, index: number): FuzzCase {
  const random = createRandom(seed, index);
  if (random.chance(LARGE_SHARE)) {
    const { request } = makeInfer(random);
    const bytes = write(request, random, (body) => Buffer.concat([body, Buffer.alloc(LARGE_BYTES, ' ')]));
    return { index, kind: 'large', bytes, framed: true, check: undefined, next: undefined };
  }
  const kind = random.pick<Kind>([
    'valid',
    'valid',
    'valid',
    'document',
    'document',
    'bytes',
    'headers',
    'target',
    'mixed',
    'framing',
  ]);
  if (kind === 'valid') return validCase(index, random);
  const { request, job } = makeInfer(random);
  if (kind === 'document' || (kind === 'mixed' && random.chance(0.5))) mutateDocument(request, random);
  if (kind === 'headers' || (kind === 'mixed' && random.chance(0.5))) mutateHeaders(request, random);
  if (kind === 'target' || (kind === 'mixed' && random.chance(0.3))) mutateTarget(request, random);
  const changed = kind === 'bytes' || (kind === 'mixed' && random.chance(0.3));
  const whole = write(request, random, changed ? (body) => mutateBytes(body, random) : undefined);
  if (kind === 'framing') {
    return { index, kind, bytes: breakFraming(whole, random), framed: false, check: undefined, next: undefined };
  }
  return {
    index,
    kind,
    bytes: whole,
    framed: true,
    check: undefined,
    next: job ? followJob(index, random, undefined) : undefined,
  };
}
