/** How the elements of each datatype are read from JSON into the raw bytes of a tensor. */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Datatype } from '@batchyard/shared/contract/tensor';
import { readFloats } from './float-text.ts';
import { type IntegerRange, type NarrowArray, readIntegers, readWideIntegers } from './integer-text.ts';
import { type JsonReader, QUOTE, toNextElement } from './json-cursor.ts';
import { readString } from './json-string.ts';

/**
 * Where the elements of one tensor go. `read` reads the elements that stand in a row at the reader, the first of which
 * is element `index`, and returns the index behind the last; it stops at the end of the tensor.
 */
export type Elements = {
  readonly read: (reader: JsonReader, index: number) => number;
  /** The tensor's bytes, once all elements are read. */
  readonly data: () => Uint8Array;
};

type Making = (count: number) => Elements;

const viewed = (array: { readonly buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(array.buffer);

function floats(type: { new (count: number): Float32Array | Float64Array }): Making {
  return (count) => {
    const out = new type(count);
    return { read: (reader, index) => readFloats(reader, out, index), data: () => viewed(out) };
  };
}

function integers(type: { new (count: number): NarrowArray }, range: IntegerRange): Making {
  return (count) => {
    const out = new type(count);
    return { read: (reader, index) => readIntegers(reader, out, index, range), data: () => viewed(out) };
  };
}

function wideIntegers(range: IntegerRange): Making {
  return (count) => {
    const words = new Int32Array(2 * count);
    return { read: (reader, index) => readWideIntegers(reader, words, index, range), data: () => viewed(words) };
  };
}

const signed = (bits: number): IntegerRange => ({
  datatype: `INT${bits}`,
  min: -(2n ** BigInt(bits - 1)),
  max: 2n ** BigInt(bits - 1) - 1n,
});
const unsigned = (bits: number): IntegerRange => ({ datatype: `UINT${bits}`, min: 0n, max: 2n ** BigInt(bits) - 1n });

/** Only `true` and `false`, as in Triton: a number is no boolean. */
function booleans(count: number): Elements {
  const out = new Uint8Array(count);
  const read = (reader: JsonReader, index: number): number => {
    let next = index;
    for (;;) {
      const truth = reader.bytes[reader.at] === 0x74;
      const word = truth ? 'true' : 'false';
      if (reader.bytes.toString('latin1', reader.at, reader.at + word.length) !== word) {
        throw new Failure('invalid_input', `Unable to parse 'data': true or false is expected at byte ${reader.at}`);
      }
      reader.at += word.length;
      out[next] = truth ? 1 : 0;
      next += 1;
      if (next === count || !toNextElement(reader)) return next;
    }
  };
  return { read, data: () => out };
}

/** Each string as a 4-byte length and its UTF-8; grows with what is there, not with what the shape promises. */
function strings(count: number): Elements {
  let out = Buffer.allocUnsafe(Math.min(count * 16, 65_536));
  let end = 0;
  const append = (text: string): void => {
    const size = Buffer.byteLength(text);
    if (end + 4 + size > out.length) {
      const larger = Buffer.allocUnsafe(2 * (end + 4 + size));
      out.copy(larger, 0, 0, end);
      out = larger;
    }
    out.writeUInt32LE(size, end);
    out.write(text, end + 4, 'utf8');
    end += 4 + size;
  };
  const read = (reader: JsonReader, index: number): number => {
    let next = index;
    for (;;) {
      if (reader.bytes[reader.at] !== QUOTE) {
        throw new Failure('invalid_input', `Unable to parse 'data': a string is expected at byte ${reader.at}`);
      }
      const text = readString(reader);
      if (text.includes('\0')) {
        const problem = `a string before byte ${reader.at} contains NUL, which no model can receive`;
        throw new Failure('invalid_input', `Unable to parse 'data': ${problem}`);
      }
      append(text);
      next += 1;
      if (next === count || !toNextElement(reader)) return next;
    }
  };
  return { read, data: () => out.subarray(0, end) };
}

const MAKINGS: Readonly<Record<Exclude<Datatype, 'FP16'>, Making>> = {
  BOOL: booleans,
  UINT8: integers(Uint8Array, unsigned(8)),
  UINT16: integers(Uint16Array, unsigned(16)),
  UINT32: integers(Uint32Array, unsigned(32)),
  UINT64: wideIntegers(unsigned(64)),
  INT8: integers(Int8Array, signed(8)),
  INT16: integers(Int16Array, signed(16)),
  INT32: integers(Int32Array, signed(32)),
  INT64: wideIntegers(signed(64)),
  FP32: floats(Float32Array),
  FP64: floats(Float64Array),
  BYTES: strings,
};

/** @throws RangeError when so many elements are beyond memory: the caller has bounded them by the bytes of the text */
export const createElements = (datatype: Exclude<Datatype, 'FP16'>, count: number): Elements =>
  MAKINGS[datatype](count);
