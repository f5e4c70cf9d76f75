/** Number tokens of JSON to integer tensors: exact, and refused where they do not fit. Source of the ranges: the names. */
import { Failure } from '@batchyard/shared/contract/failure';
import { type JsonReader, QUOTE, jsonFailure, toNextElement } from './json-cursor.ts';
import { readString } from './json-string.ts';
import { exactInteger, numberToken } from './number-token.ts';

const COMMA = 0x2c;
const CLOSE_ARRAY = 0x5d;
const MINUS = 0x2d;
const ZERO = 0x30;
/** So many digits are exact in a double. */
const SAFE_DIGITS = 15;
const TWO_32 = 2 ** 32;

export type NarrowArray = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array;
export type IntegerRange = { readonly datatype: string; readonly min: bigint; readonly max: bigint };

/** A plain integer of up to 15 digits; NaN, with the reader where it was, for every other token. */
function shortInteger(reader: JsonReader): number {
  const { bytes } = reader;
  const start = reader.at;
  const whole = bytes[start] === MINUS ? start + 1 : start;
  let at = whole;
  let value = 0;
  let digit = bytes[at]! - ZERO;
  while (digit >= 0 && digit <= 9 && at - whole < SAFE_DIGITS) {
    value = value * 10 + digit;
    at += 1;
    digit = bytes[at]! - ZERO;
  }
  const behind = bytes[at];
  const zeroLed = bytes[whole] === ZERO && at > whole + 1;
  if (at === whole || zeroLed || (behind !== COMMA && behind !== CLOSE_ARRAY)) return Number.NaN;
  reader.at = at;
  return whole === start ? value : 0 - value;
}

function outOfRange(reader: JsonReader, range: IntegerRange, shown: string): Failure {
  const token = shown.length > 40 ? `${shown.slice(0, 40)}…` : shown;
  const text = `Unable to parse 'data': ${token} before byte ${reader.at} is no value of ${range.datatype}`;
  return new Failure('invalid_input', text);
}

/** Any number token, by its exact value. */
function longInteger(reader: JsonReader, range: IntegerRange): bigint {
  const token = numberToken(reader);
  const value = exactInteger(token);
  if (value === undefined || value < range.min || value > range.max) throw outOfRange(reader, range, token);
  return value;
}

/**
 * Numbers separated by commas into `out` from `index` on, up to its end. It reads one at least.
 *
 * @returns the index behind the last one read; the reader is left where no further one follows
 * @throws Failure where there is no number, a fraction, or one beyond the range
 */
export function readIntegers(reader: JsonReader, out: NarrowArray, index: number, range: IntegerRange): number {
  const min = Number(range.min);
  const max = Number(range.max);
  let next = index;
  for (;;) {
    let value = shortInteger(reader);
    if (Number.isNaN(value)) value = Number(longInteger(reader, range));
    if (value < min || value > max) throw outOfRange(reader, range, String(value));
    out[next] = value;
    next += 1;
    if (next === out.length || !toNextElement(reader)) return next;
  }
}

/** A decimal string, for clients whose numbers end at 2^53. */
function quotedInteger(reader: JsonReader, range: IntegerRange): bigint {
  const text = readString(reader);
  if (!/^-?\d{1,20}$/.test(text)) throw jsonFailure(reader, `no decimal integer in the string before`);
  const value = BigInt(text);
  if (value < range.min || value > range.max) throw outOfRange(reader, range, text);
  return value;
}

/**
 * The same for INT64 and UINT64, whose elements may also be decimal strings.
 *
 * @param words two 32-bit words an element, the low one first
 * @param index of the element
 */
export function readWideIntegers(reader: JsonReader, words: Int32Array, index: number, range: IntegerRange): number {
  const elements = words.length / 2;
  let next = index;
  for (;;) {
    const value = shortInteger(reader);
    if (Number.isNaN(value)) {
      const exact = reader.bytes[reader.at] === QUOTE ? quotedInteger(reader, range) : longInteger(reader, range);
      words[2 * next] = Number(BigInt.asIntN(32, exact));
      words[2 * next + 1] = Number(BigInt.asIntN(32, exact >> 32n));
    } else {
      if (value < 0 && range.min === 0n) throw outOfRange(reader, range, String(value));
      words[2 * next] = value;
      words[2 * next + 1] = Math.floor(value / TWO_32);
    }
    next += 1;
    if (next === elements || !toNextElement(reader)) return next;
  }
}
