/** The typed contents of an input, which few clients send, into the raw bytes of a tensor (little-endian, as Node's platforms are). */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model } from '@batchyard/shared/contract/model';
import type { Datatype } from '@batchyard/shared/contract/tensor';

import type { DeclaredInput } from './declared-input.ts';
import type { GrpcContents } from './grpc-messages.ts';

type Field = keyof GrpcContents;

const FIELDS: Readonly<Record<Datatype, Field | undefined>> = {
  BOOL: 'bool_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  FP16: undefined,
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

const refused = (problem: string): Failure => new Failure('invalid_input', problem);

function checkFields(model: Model, { name, datatype }: DeclaredInput, contents: GrpcContents): void {
  const own = FIELDS[datatype];
  if (own === undefined) {
    throw refused(`input '${name}' for model '${model.name}': ${datatype} has no typed contents; send it raw`);
  }
  const other = (Object.keys(contents) as Field[]).find((field) => field !== own && contents[field].length > 0);
  if (other === undefined) return;
  const found = `unexpected explicit tensor data for input tensor '${name}' for model '${model.name}'`;
  throw refused(`${found}: '${other}' is set, but datatype ${datatype} is in '${own}'`);
}

function integers(
  { name, datatype }: DeclaredInput,
  values: readonly number[],
  out: Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array,
): Uint8Array {
  for (let i = 0; i < values.length; i += 1) {
    out[i] = values[i]!;
    // A typed array wraps what does not fit.
    if (out[i] !== values[i]) throw refused(`input '${name}': ${values[i]} is out of range for ${datatype}`);
  }
  return new Uint8Array(out.buffer);
}

function strings(values: readonly Uint8Array[]): Buffer {
  let bytes = 0;
  for (const value of values) bytes += 4 + value.byteLength;
  const out = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const value of values) {
    at = out.writeUInt32LE(value.byteLength, at);
    out.set(value, at);
    at += value.byteLength;
  }
  return out;
}

function bytesOf(input: DeclaredInput, contents: GrpcContents): Uint8Array {
  const { bool_contents: bools, int_contents: ints, uint_contents: uints } = contents;
  switch (input.datatype) {
    case 'BOOL':
      return Uint8Array.from(bools, Number);
    case 'INT8':
      return integers(input, ints, new Int8Array(ints.length));
    case 'INT16':
      return integers(input, ints, new Int16Array(ints.length));
    case 'INT32':
      return integers(input, ints, new Int32Array(ints.length));
    case 'INT64':
      return new Uint8Array(BigInt64Array.from(contents.int64_contents, BigInt).buffer);
    case 'UINT8':
      return integers(input, uints, new Uint8Array(uints.length));
    case 'UINT16':
      return integers(input, uints, new Uint16Array(uints.length));
    case 'UINT32':
      return integers(input, uints, new Uint32Array(uints.length));
    case 'UINT64':
      return new Uint8Array(BigUint64Array.from(contents.uint64_contents, BigInt).buffer);
    case 'FP32':
      return new Uint8Array(Float32Array.from(contents.fp32_contents).buffer);
    case 'FP64':
      return new Uint8Array(Float64Array.from(contents.fp64_contents).buffer);
    case 'BYTES':
      return strings(contents.bytes_contents);
    case 'FP16':
      throw new RangeError('FP16 has no typed contents');
  }
}

/**
 * Memory is taken for what is there, not for what the shape promises; whether it is as much is for the caller to check.
 *
 * @throws Failure invalid_input where another field is set than that of the datatype, or a value does not fit it
 */
export function rawContents(model: Model, input: DeclaredInput, contents: GrpcContents): Uint8Array {
  checkFields(model, input, contents);
  return bytesOf(input, contents);
}
