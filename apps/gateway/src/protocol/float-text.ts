/**
 * Number tokens of JSON to binary floating point, equal to `Number(text)` in every bit (in a float32:
 * `Math.fround(Number(text))`), several times as fast for what tensors hold.
 *
 * Up to 18 significant digits are gathered as two integers of nine. A mantissa below 2^53 times or over a power of ten
 * up to 10^22 is one correctly rounded operation on exact operands (W. D. Clinger, "How to read floating point numbers
 * accurately", 1990). For a float32, a longer mantissa is computed with an error below 2^-51, and taken when both ends
 * of a wider interval round to the same float32. Everything else is left to `Number`.
 */
import { Failure } from '@batchyard/shared/contract/failure';
import { type JsonReader, toNextElement } from './json-cursor.ts';
import { numberToken } from './number-token.ts';

// Bytes as distances from '0': what the loop below compares. Local, because an imported binding costs a look-up each.
const COMMA = -4;
const CLOSE_ARRAY = 45;
const POINT = -2;
const EXPONENT = 53;
const ZERO = 0x30;
const MINUS = 0x2d;
const SPACE = 0x20;
const CHUNK = 9;
const EXACT_POWER = 22;
const LAST_POWER = 64;
const TWO_53 = 2 ** 53;
/** The top bit of each of four bytes. */
const HIGH_BITS = 0x80808080 | 0;
const BELOW = 1 - 2 ** -49;
const ABOVE = 1 + 2 ** -49;

/** 10^0 … 10^64, correctly rounded; exact up to 10^22. */
export const POWERS = Float64Array.from({ length: LAST_POWER + 1 }, (_, exponent) => Number(`1e${exponent}`));

/** The exponent of up to three digits at the reader, which is left behind it; NaN for any other. */
function shortExponent(reader: JsonReader): number {
  const { bytes } = reader;
  const sign = bytes[reader.at + 1];
  const start = reader.at + (sign === MINUS || sign === 0x2b ? 2 : 1);
  let at = start;
  let exponent = 0;
  let digit = bytes[at]! - ZERO;
  while (digit >= 0 && digit <= 9 && at < start + 4) {
    exponent = exponent * 10 + digit;
    at += 1;
    digit = bytes[at]! - ZERO;
  }
  if (at === start || at === start + 4) return Number.NaN;
  reader.at = at;
  return sign === MINUS ? -exponent : exponent;
}

/** mantissa × 10^exponent, or NaN where that takes more care than here. */
function scale(mantissa: number, exponent: number, single: boolean): number {
  const exact = mantissa < TWO_53 && exponent >= -EXACT_POWER && exponent <= EXACT_POWER;
  const near = single && mantissa > 0 && exponent >= -LAST_POWER && exponent <= LAST_POWER;
  if (!exact && !near) return Number.NaN;
  const value = exponent < 0 ? mantissa / POWERS[-exponent]! : mantissa * POWERS[exponent]!;
  if (exact) return value;
  const rounded = Math.fround(value * BELOW);
  return rounded === Math.fround(value * ABOVE) ? rounded : Number.NaN;
}

/**
 * A token that the fast loop does not finish: with an exponent, white space behind it, many digits, or no number.
 *
 * @param gathered its digits, when there are at most 18 and it is well formed up to the reader
 */
function finish(reader: JsonReader, start: number, single: boolean, gathered?: [number, number]): number {
  const { bytes } = reader;
  const behind = bytes[reader.at]! - ZERO;
  let value = Number.NaN;
  if (gathered !== undefined) {
    const exponent = behind === EXPONENT || behind === EXPONENT - 0x20 ? shortExponent(reader) : 0;
    const size = scale(gathered[0], exponent - gathered[1], single);
    value = bytes[start] === MINUS ? -size : size;
  }
  if (Number.isNaN(value)) {
    reader.at = start;
    value = Number(numberToken(reader));
  }
  if (!Number.isFinite(single ? Math.fround(value) : value)) {
    const range = single ? 'FP32' : 'FP64';
    throw new Failure('invalid_input', `Unable to parse 'data': a number before byte ${reader.at} is beyond ${range}`);
  }
  return value;
}

/** The value of four ASCII digits, or -1 where the four bytes are others; four at a time halve the cost of a number. */
function fourDigits(view: DataView, at: number): number {
  const word = view.getInt32(at, true);
  const digits = (word - 0x30303030) | 0;
  if (((digits | (word + 0x46464646)) & HIGH_BITS) !== 0) return -1;
  const pairs = (Math.imul(digits, 10) + (digits >>> 8)) & 0x00ff00ff;
  return (Math.imul(pairs, 100) + (pairs >>> 16)) & 0xffff;
}

/** Appends the digits at the reader, up to the byte `end`, to a value that has to stay below 10^9; moves past them. */
function gather(reader: JsonReader, end: number, value: number): number {
  const { bytes, view } = reader;
  let at = reader.at;
  let gathered = value;
  while (at + 4 <= end && end <= bytes.length) {
    const four = fourDigits(view, at);
    if (four < 0) break;
    gathered = (Math.imul(gathered, 10_000) + four) | 0;
    at += 4;
  }
  let digit = bytes[at]! - ZERO;
  while (digit >= 0 && digit <= 9 && at < end) {
    gathered = (gathered * 10 + digit) | 0;
    at += 1;
    digit = bytes[at]! - ZERO;
  }
  reader.at = at;
  return gathered;
}

/**
 * Numbers separated by commas into `out` from `index` on, up to its end. It reads one at least. All in one loop: a call
 * that answers with a double would have it boxed.
 *
 * @returns the index behind the last one read; the reader is left where no further one follows
 * @throws Failure where there is no number, or one that is beyond the datatype's range
 */
export function readFloats(reader: JsonReader, out: Float32Array | Float64Array, index: number): number {
  const { bytes } = reader;
  const single = out instanceof Float32Array;
  const limit = out.length;
  let next = index;
  let at = reader.at;
  for (;;) {
    const start = at;
    const negative = bytes[at] === MINUS;
    if (negative) at += 1;
    const whole = at;
    let high = 0;
    let digit = bytes[at]! - ZERO;
    while (digit >= 0 && digit <= 9 && at < whole + CHUNK) {
      high = (high * 10 + digit) | 0;
      at += 1;
      digit = bytes[at]! - ZERO;
    }
    let wellFormed = at > whole && (bytes[whole] !== ZERO || at === whole + 1);
    let mantissa = high;
    let decimals = 0;
    if (digit === POINT) {
      const point = at;
      at += 1;
      if (high === 0) while (bytes[at] === ZERO) at += 1;
      reader.at = at;
      const end = high === 0 ? at + CHUNK : whole + CHUNK + 1;
      high = gather(reader, end, high);
      const middle = reader.at;
      const low = middle < end ? 0 : gather(reader, middle + CHUNK, 0);
      at = reader.at;
      mantissa = at > middle ? high * POWERS[at - middle]! + low : high;
      decimals = at - point - 1;
      wellFormed = wellFormed && decimals > 0;
      digit = bytes[at]! - ZERO;
    }
    let value = Number.NaN;
    if (wellFormed && (digit === COMMA || digit === CLOSE_ARRAY) && decimals <= LAST_POWER) {
      value = mantissa / POWERS[decimals]!;
      if (mantissa >= TWO_53 || decimals > EXACT_POWER) {
        value =
          single && mantissa > 0 && Math.fround(value * BELOW) === Math.fround(value * ABOVE) ? value : Number.NaN;
      }
      if (negative) value = -value;
    }
    if (Number.isNaN(value)) {
      reader.at = at;
      value = finish(
        reader,
        start,
        single,
        wellFormed && !(digit >= 0 && digit <= 9) ? [mantissa, decimals] : undefined,
      );
      at = reader.at;
    }
    out[next] = value;
    next += 1;
    if (next < limit && bytes[at] === COMMA + ZERO) {
      at += bytes[at + 1] === SPACE ? 2 : 1;
    } else {
      reader.at = at;
      if (next === limit || !toNextElement(reader)) return next;
      at = reader.at;
    }
  }
}
