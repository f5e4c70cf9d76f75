/** Good requests in the forms that the protocol has, each with the check of its answer: every element of every output. */
import { gzipSync, gunzipSync } from 'node:zlib';

import type { RawAnswer } from '../support/raw-http.ts';
import type { Random } from './random.ts';
import { makeSample, tensorBytes, type Sample, type Tensor, type Value } from './samples.ts';

/** A request before it is bytes, so that a mutation can take hold of its parts. */
export type Request = {
  method: string;
  path: string;
  headers: [name: string, value: string][];
  /** The JSON document; undefined for a request without a body. */
  document: Record<string, unknown> | undefined;
  /** Behind the JSON, with the header that tells where it begins. */
  tail: Buffer | undefined;
  packed: boolean;
};
export type Check = (answer: RawAnswer) => void;

/** Stands in a document for text that JSON.stringify would not write. */
export const verbatim = (text: string): string => `@verbatim:${Buffer.from(text).toString('hex')}@`;

const jsonText = (document: unknown): string =>
  (JSON.stringify(document) ?? '').replaceAll(/"@verbatim:([0-9a-f]*)@"/g, (_, hex: string) =>
    Buffer.from(hex, 'hex').toString(),
  );

const jsonValue = (value: Value): unknown => {
  if (typeof value === 'bigint') return verbatim(String(value));
  return Object.is(value, -0) ? verbatim('-0') : value;
};

function nested(shape: readonly number[], values: readonly unknown[]): unknown {
  if (shape.length <= 1) return values;
  const [rows = 0, ...rest] = shape;
  const size = rest.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: rows }, (_, i) => nested(rest, values.slice(i * size, (i + 1) * size)));
}

/** Of one of the answer's outputs its bytes or its JSON values, whichever it came as. */
type Output = {
  name: string;
  datatype: string;
  shape: number[];
  data?: unknown[];
  parameters?: Record<string, number>;
};

function sameValues(expected: Tensor, data: readonly unknown[]): boolean {
  const float = expected.datatype.startsWith('FP');
  return (
    data.length === expected.values.length &&
    expected.values.every((value, i) => {
      const got = data[i];
      if (typeof value === 'bigint') return got === String(value);
      return Object.is(got, value) || (float && Math.fround(Number(got)) === value);
    })
  );
}

/** @throws Error that says what is wrong */
function checkOutputs(expected: readonly Tensor[], { status, headers, body }: RawAnswer): void {
  const whole = headers.get('content-encoding') === 'gzip' ? gunzipSync(body) : body;
  if (status !== 200) throw new Error(`a good request got ${status}: ${whole.toString().slice(0, 200)}`);
  const length = Number(headers.get('inference-header-content-length') ?? whole.byteLength);
  // Integers beyond 2^53 are compared as they are written.
  const text = whole.toString('utf8', 0, length);
  const big = expected.some(({ datatype }) => datatype === 'INT64');
  const parsed = JSON.parse(big ? text.replaceAll(/(?<=[[,])-?\d+(?=[\],])/g, '"$&"') : text) as { outputs: Output[] };
  let at = length;
  if (parsed.outputs.length > expected.length) throw new Error(`${parsed.outputs.length} outputs`);
  for (const [i, wanted] of expected.entries()) {
    const output = parsed.outputs[i];
    if (!output) throw new Error(`no output ${wanted.name}`);
    if (output.name !== wanted.name || output.datatype !== wanted.datatype) throw new Error(`output ${output.name}`);
    if (output.shape.map(Number).join() !== wanted.shape.join()) throw new Error(`shape [${output.shape.join()}]`);
    const size = Number(output.parameters?.['binary_data_size'] ?? 0);
    const same = output.data
      ? sameValues(wanted, output.data.flat(Infinity))
      : whole.subarray(at, at + size).equals(tensorBytes(wanted));
    if (!same) throw new Error(`wrong values in ${output.name}`);
    at += size;
  }
  if (at !== whole.byteLength) throw new Error(`${whole.byteLength - at} bytes behind the outputs`);
}

function inputOf(tensor: Tensor, binary: boolean, random: Random): Record<string, unknown> {
  const { name, datatype, shape, values } = tensor;
  if (binary) return { name, datatype, shape, parameters: { binary_data_size: tensorBytes(tensor).byteLength } };
  const data = values.map(jsonValue);
  return { name, shape, datatype, data: random.chance(0.3) ? nested(shape, data) : data };
}

function inferBody(sample: Sample, random: Random): Pick<Request, 'headers' | 'document' | 'tail'> {
  const half = sample.inputs.some(({ datatype }) => datatype === 'FP16');
  const flags = sample.inputs.map(() => half || random.chance(0.35));
  const document: Record<string, unknown> = {
    inputs: sample.inputs.map((tensor, i) => inputOf(tensor, flags[i] ?? false, random)),
  };
  if (random.chance(0.4)) document['id'] = `r${random.int(1e6)}`;
  const parameters: Record<string, unknown> = {};
  if (half || random.chance(0.2)) parameters['binary_data_output'] = true;
  if (random.chance(0.1)) parameters['priority'] = random.int(5);
  if (Object.keys(parameters).length > 0) document['parameters'] = parameters;
  if (!half && random.chance(0.3)) {
    document['outputs'] = sample.outputs.map(({ name }) =>
      random.chance(0.4) ? { name, parameters: { binary_data: true } } : { name },
    );
  }
  if (!flags.includes(true)) return { headers: [], document, tail: undefined };
  return { headers: [], document, tail: Buffer.concat(sample.inputs.filter((_, i) => flags[i]).map(tensorBytes)) };
}

/** A request of a model, as infer or as a job, and what its outputs must be. */
export function makeInfer(random: Random): { request: Request; check: Check; job: boolean } {
  const sample = makeSample(random);
  const job = random.chance(0.15);
  const version = random.chance(0.2) ? '/versions/1' : '';
  const path = `/${job ? 'v1' : 'v2'}/models/${sample.model}${version}/${job ? 'jobs' : 'infer'}`;
  const request: Request = { method: 'POST', path, ...inferBody(sample, random), packed: random.chance(0.08) };
  if (random.chance(0.1))
    request.headers.push(['Batchyard-Priority', random.pick(['critical', 'high', 'normal', 'low'])]);
  if (random.chance(0.1)) request.headers.push(['Accept-Encoding', 'gzip']);
  if (random.chance(0.2)) request.headers.push(['Content-Type', 'application/json']);
  return { request, check: (answer) => checkOutputs(sample.outputs, answer), job };
}

/** A look at something that is always there. */
export function makeLook(random: Random): { request: Request; check: Check } {
  const path = random.pick([
    '/livez',
    '/readyz',
    '/v2',
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/simple',
    '/v2/models/simple/versions/1/ready',
  ]);
  const check: Check = ({ status, body }) => {
    if (status !== 200) throw new Error(`GET ${path} got ${status}: ${body.toString().slice(0, 200)}`);
    JSON.parse(body.toString());
  };
  const request: Request = { method: 'GET', path, headers: [], document: undefined, tail: undefined, packed: false };
  return { request, check };
}

/** JSON, tail and encoding as one body, with the headers that describe it. */
export function bodyOf({ document, tail, packed }: Request): { body: Buffer; headers: [string, string][] } {
  const json = Buffer.from(document === undefined ? '' : jsonText(document));
  const plain = tail ? Buffer.concat([json, tail]) : json;
  const headers: [string, string][] = tail ? [['Inference-Header-Content-Length', String(json.byteLength)]] : [];
  if (packed) headers.push(['Content-Encoding', 'gzip']);
  return { body: packed ? gzipSync(plain, { level: 1 }) : plain, headers };
}
