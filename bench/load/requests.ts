/**
 * Infer requests as bytes on the wire, built once; before each use the first element of the first input is overwritten
 * with a number that was never sent before, so that no cache on the way can answer for the model, unless it is meant to.
 */
import { createZipf, type Zipf } from '@batchyard/loadtest/plan/zipf';

/** An input: `shape` is that of the request, with its batch axis. */
export type InputSpec = {
  readonly name: string;
  readonly datatype: 'FP32' | 'INT32' | 'INT64';
  readonly shape: readonly number[];
};
export type Form = 'json' | 'binary';
export type RequestSpec = {
  readonly model: string;
  readonly form: Form;
  readonly inputs: readonly InputSpec[];
  /** Further header lines. */
  readonly headers?: readonly string[];
};

export type RequestTemplate = {
  readonly bytes: Buffer;
  /** Header lines without Host and Content-Length, and where the body begins: for who sends it by another way. */
  readonly headers: readonly string[];
  readonly bodyAt: number;
  /** Overwrites the first element: equal to `number` modulo a million. */
  stamp(number: number): void;
};

const DIGITS = 6;
/** What the first element of a JSON body is written as; the last six characters are the stamp. */
const MARK = { FP32: '0.000000', INT32: '1000000', INT64: '1000000' } as const;

const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Six decimals in [0, 1), or integers below 1,000: the same for the same seed. */
function values({ datatype, shape }: InputSpec, seed: number): number[] {
  return Array.from({ length: count(shape) }, (_, i) => {
    const mixed = Math.imul(i + 1 + 7919 * seed, 0x9e3779b1) >>> 0;
    return datatype === 'FP32' ? (mixed % 1_000_000) / 1_000_000 : mixed % 1000;
  });
}

/** The raw bytes of an input, and how its first element is overwritten at a place of the request. */
const BINARY: Readonly<
  Record<
    InputSpec['datatype'],
    { pack(data: number[]): ArrayBufferLike; write(bytes: Buffer, value: number, at: number): void }
  >
> = {
  FP32: {
    pack: (data) => Float32Array.from(data).buffer,
    write: (bytes, value, at) => void bytes.writeFloatLE(value * 1e-6, at),
  },
  INT32: {
    pack: (data) => Int32Array.from(data).buffer,
    write: (bytes, value, at) => void bytes.writeInt32LE(value, at),
  },
  INT64: {
    pack: (data) => BigInt64Array.from(data, BigInt).buffer,
    write: (bytes, value, at) => void bytes.writeBigInt64LE(BigInt(value), at),
  },
};

const post = (model: string, headers: readonly string[], length: number): Buffer =>
  Buffer.from(
    [
      `POST /v2/models/${model}/infer HTTP/1.1`,
      'Host: 127.0.0.1',
      ...headers,
      `Content-Length: ${length}`,
      '',
      '',
    ].join('\r\n'),
  );

function jsonTemplate({ model, inputs, headers = [] }: RequestSpec, seed: number): RequestTemplate {
  const first = MARK[inputs[0]?.datatype ?? 'FP32'];
  const tensors = inputs.map((input, i) => {
    const data = values(input, seed).map(String);
    if (i === 0) data[0] = first;
    return `{"name":"${input.name}","shape":${JSON.stringify(input.shape)},"datatype":"${input.datatype}","data":[${data.join(',')}]}`;
  });
  const body = Buffer.from(`{"inputs":[${tensors.join(',')}]}`);
  const lines = ['Content-Type: application/json', ...headers];
  const bytes = Buffer.concat([post(model, lines, body.byteLength), body]);
  const at = bytes.indexOf(`"data":[${first}`) + '"data":['.length + first.length - DIGITS;
  return {
    bytes,
    headers: lines,
    bodyAt: bytes.byteLength - body.byteLength,
    stamp(number) {
      let rest = number;
      for (let i = at + DIGITS - 1; i >= at; i -= 1) {
        bytes[i] = 48 + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    },
  };
}

function binaryTemplate({ model, inputs, headers: more = [] }: RequestSpec, seed: number): RequestTemplate {
  const tensors = inputs.map((input) => Buffer.from(BINARY[input.datatype].pack(values(input, seed))));
  const head = Buffer.from(
    JSON.stringify({
      inputs: inputs.map((input, i) => ({ ...input, parameters: { binary_data_size: tensors[i]?.byteLength } })),
      parameters: { binary_data_output: true },
    }),
  );
  const body = Buffer.concat([head, ...tensors]);
  const headers = [
    'Content-Type: application/octet-stream',
    `Inference-Header-Content-Length: ${head.byteLength}`,
    ...more,
  ];
  const bytes = Buffer.concat([post(model, headers, body.byteLength), body]);
  const at = bytes.byteLength - tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const { write } = BINARY[inputs[0]?.datatype ?? 'FP32'];
  const bodyAt = bytes.byteLength - body.byteLength;
  return { bytes, headers, bodyAt, stamp: (number) => write(bytes, number % 1_000_000, at) };
}

/** A template of its own for each user of it: bytes that are being sent must not be stamped by another. */
export function buildRequest(spec: RequestSpec, seed: number): RequestTemplate {
  return spec.form === 'json' ? jsonTemplate(spec, seed) : binaryTemplate(spec, seed);
}

/** What one connection sends, one after another. */
export type RequestMix = {
  /** Taken in turn; each connection begins at another. */
  readonly specs: readonly RequestSpec[];
  /** Of so many requests one is sent as it was before, without a new stamp (2 = every other); 0 = none. */
  readonly repeatEvery: number;
  /** Not distinct at all: every request is one of so many inputs, the same for all connections. */
  readonly zipf?: Zipf;
};

/** What the requests of all connections are stamped with: never the same number again, unless they are to repeat. */
export function createStamps({ zipf }: RequestMix): () => number {
  let stamp = 0;
  return zipf ? createZipf(zipf) : () => (stamp += 1);
}

/** Distinct payloads among the connections; the stamp makes every request distinct besides. */
const SEEDS = 8;

function inTurn(templates: readonly RequestTemplate[], start: number): () => RequestTemplate {
  let turn = start;
  return () => {
    const template = templates[(turn += 1) % templates.length];
    if (!template) throw new Error('a mix of no requests');
    return template;
  };
}

/** @returns a function that gives the bytes of the connection's next request */
export function createRequests(mix: RequestMix, connection: number, nextStamp: () => number): () => Buffer {
  const seed = mix.zipf ? 0 : connection % SEEDS;
  const fresh = mix.specs.map((spec) => buildRequest(spec, seed));
  const repeated = mix.repeatEvery > 0 ? mix.specs.map((spec) => buildRequest(spec, seed)) : [];
  const nextFresh = inTurn(fresh, connection);
  const nextRepeated = inTurn(repeated, connection);
  let sent = connection;
  return () => {
    sent += 1;
    if (mix.repeatEvery > 0 && sent % mix.repeatEvery === 0) return nextRepeated().bytes;
    const template = nextFresh();
    template.stamp(nextStamp());
    return template.bytes;
  };
}

/** The same for a client whose connections have numbers. */
export function createBytes(mix: RequestMix, nextStamp: () => number): (connection: number) => Buffer {
  const all = new Map<number, () => Buffer>();
  return (connection) => {
    const next = all.get(connection) ?? createRequests(mix, connection, nextStamp);
    all.set(connection, next);
    return next();
  };
}
