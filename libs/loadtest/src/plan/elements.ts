/**
 * How an element of each datatype is written so that part of it can be overwritten in place with a number: in JSON the same
 * characters, in binary the same bytes. Values stay where models expect them: [0, 1) or [1, 2), single digits, short words.
 */
import type { Datatype } from '@batchyard/shared/contract/tensor';

export type Element = {
  /** Different values that an element can be given. */
  readonly values: number;
  /** `value` below `values`; always the same length. */
  json(value: number): string;
  /** Length in bytes, and how they are written. */
  readonly bytes: number;
  write(bytes: Buffer, at: number, value: number): void;
};

const DECIMALS = 1_000_000;
const WORD = 'w';
const WORD_BYTES = 7;
const digits = (value: number, width: number): string => String(value).padStart(width, '0');

const integer = (bytes: number, write: (into: Buffer, at: number, value: number) => void): Element => ({
  values: 10,
  json: String,
  bytes,
  write,
});
const fraction = (bytes: number, write: (into: Buffer, at: number, value: number) => void): Element => ({
  values: DECIMALS,
  json: (value) => `0.${digits(value, 6)}`,
  bytes,
  write: (into, at, value) => write(into, at, value / DECIMALS),
});

export const ELEMENTS: Readonly<Record<Datatype, Element>> = {
  // The blank is part of JSON's white space.
  BOOL: {
    values: 2,
    json: (value) => (value === 1 ? 'true ' : 'false'),
    bytes: 1,
    write: (into, at, value) => void into.writeUInt8(value, at),
  },
  UINT8: integer(1, (into, at, value) => void into.writeUInt8(value, at)),
  INT8: integer(1, (into, at, value) => void into.writeInt8(value, at)),
  UINT16: integer(2, (into, at, value) => void into.writeUInt16LE(value, at)),
  INT16: integer(2, (into, at, value) => void into.writeInt16LE(value, at)),
  UINT32: integer(4, (into, at, value) => void into.writeUInt32LE(value, at)),
  INT32: integer(4, (into, at, value) => void into.writeInt32LE(value, at)),
  UINT64: integer(8, (into, at, value) => void into.writeBigUInt64LE(BigInt(value), at)),
  INT64: integer(8, (into, at, value) => void into.writeBigInt64LE(BigInt(value), at)),
  // 1 + value / 1,024: the ten bits of its fraction behind the exponent of 1. Only binary: the protocol has no JSON for it.
  FP16: {
    values: 1_024,
    json: (value) => String(1 + value / 1_024),
    bytes: 2,
    write: (into, at, value) => void into.writeUInt16LE(0x3c00 + value, at),
  },
  FP32: fraction(4, (into, at, value) => void into.writeFloatLE(value, at)),
  FP64: fraction(8, (into, at, value) => void into.writeDoubleLE(value, at)),
  BYTES: {
    values: DECIMALS,
    json: (value) => `"${WORD}${digits(value, 6)}"`,
    bytes: 4 + WORD_BYTES,
    write(into, at, value) {
      into.writeUInt32LE(WORD_BYTES, at);
      into.write(`${WORD}${digits(value, 6)}`, at + 4, 'latin1');
    },
  },
};
