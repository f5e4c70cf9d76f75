/**
 * Number tokens of JSON to binary floating point, equal to `Number(text)` in every bit (in a float32:
 * `Math.fround(Number(text))`), several times as fast for what tensors hold.
 *
 * Up to 18 significant digits are gathered as two integers of nine. A mantissa below 2^53 times or over a power of ten
 * up to 10^22 is one correctly rounded operation on exact operands (W. D. Clinger, "How to read floating point numbers
 * accurately", 1990). For a float32, a longer mantissa is computed with an error below 2^-51, and taken when both ends
 * of a wider interval round to the same float32. Everything else is left to `Number`.
 */
import { type JsonReader, jsonFailure, unexpected } from './json-cursor.ts';

export const ZERO = 0x30;
export const MINUS = 0x2d;
export const POINT = 0x2e;
const EXPONENT = 0x65;
const COMMA = 0x2c;
const CLOSE_ARRAY = 0x5d;
const TWO_53 = 2 ** 53;
const BELOW = 1 - 2 ** -49;
const ABOVE = 1 + 2 ** -49;
const CHUNK = 9;
const MAX_TOKEN = 1000;

/** 10^0 … 10^64, correctly rounded; exact up to 10^22. */
export const POWERS = Float64Array.from({ length: 65 }, (_, exponent) => Number(`1e${exponent}`));

function expectDigits(reader: JsonReader): void {
  const { bytes } = reader;
  const start = reader.at;
  let digit = bytes[start]! - ZERO;
  while (digit >= 0 && digit <= 9) {
    reader.at += 1;
    digit = bytes[reader.at]! - ZERO;
  }
  if (reader.at === start) throw unexpected(reader);
}

/** Past the number token at the reader, by the grammar of JSON. */
export function skipNumber(reader: JsonReader): void {
  const { bytes } = reader;
  const start = reader.at;
  if (bytes[start] === MINUS) reader.at += 1;
  const whole = reader.at;
  expectDigits(reader);
  if (bytes[whole] === ZERO && reader.at > whole + 1) throw jsonFailure(reader, 'a number with a leading zero');
  if (bytes[reader.at] === POINT) {
    reader.at += 1;
    expectDigits(reader);
  }
  if ((bytes[reader.at]! | 0x20) === EXPONENT) {
    reader.at += 1;
    const sign = bytes[reader.at];
    if (sign === 0x2b || sign === MINUS) reader.at += 1;
    expectDigits(reader);
  }
  if (reader.at - start > MAX_TOKEN) throw jsonFailure(reader, `a number of more than ${MAX_TOKEN} characters`);
}

/**
 * The number token at the reader, which is left behind it.
 *
 * @returns the nearest double; ±Infinity beyond their range
 * @throws Failure bad_request where there is no number
 */
export function readNumber(reader: JsonReader): number {
  const start = reader.at;
  skipNumber(reader);
  return Number(reader.bytes.toString('latin1', start, reader.at));
}

/** `e-07` and its like behind a mantissa. @returns undefined for what is longer, or no exponent */
function shortExponent(reader: JsonReader): number | undefined {
  const { bytes } = reader;
  const sign = bytes[reader.at + 1];
  let at = reader.at + (sign === MINUS || sign === 0x2b ? 2 : 1);
  const start = at;
  let exponent = 0;
  let digit = bytes[at]! - ZERO;
  while (digit >= 0 && digit <= 9 && at < start + 4) {
    exponent = exponent * 10 + digit;
    at += 1;
    digit = bytes[at]! - ZERO;
  }
  if (at === start || at === start + 4) return undefined;
  reader.at = at;
  return sign === MINUS ? -exponent : exponent;
}

/** mantissa × 10^exponent, or NaN where that takes more care than here. */
function scale(mantissa: number, exponent: number, single: boolean): number {
  const exact = mantissa < TWO_53 && exponent >= -22 && exponent <= 22;
  if (!exact && (!single || mantissa === 0 || exponent < -64 || exponent > 64)) return Number.NaN;
  const value = exponent < 0 ? mantissa / POWERS[-exponent]! : mantissa * POWERS[exponent]!;
  if (exact) return value;
  const rounded = Math.fround(value * BELOW);
  return rounded === Math.fround(value * ABOVE) ? rounded : Number.NaN;
}

/** Appends at most `room` digits at the reader to `value`, which has to stay below 10^9; moves past them. */
function gather(reader: JsonReader, room: number, value: number): number {
  const { bytes } = reader;
  let at = reader.at;
  const end = at + room;
  let gathered = value;
  let digit = bytes[at]! - ZERO;
  while (digit >= 0 && digit <= 9 && at < end) {
    gathered = (gathered * 10 + digit) | 0;
    at += 1;
    digit = bytes[at]! - ZERO;
  }
  reader.at = at;
  return gathered;
}

/** A number token from `start` on that `readFloat` does not finish: its digits go on, or something else follows. */
function finish(reader: JsonReader, start: number, gathered: { mantissa: number; decimals: number }, single: boolean): number {
  const { bytes } = reader;
  const byte = bytes[reader.at]!;
  const digits = byte >= ZERO && byte <= ZERO + 9;
  const exponent = (byte | 0x20) === EXPONENT ? shortExponent(reader) : 0;
  if (!digits && exponent !== undefined) {
    const value = scale(gathered.mantissa, exponent - gathered.decimals, single);
    if (!Number.isNaN(value)) return bytes[start] === MINUS ? -value : value;
  }
  reader.at = start;
  return readNumber(reader);
}

/**
 * The number token at the reader, which is left behind it, into `out[index]`: a result would be boxed.
 *
 * @returns nothing; a value out of range is ±Infinity in `out`
 * @throws Failure bad_request where there is no number
 */
export function readFloat(reader: JsonReader, out: Float32Array | Float64Array, index: number): void {
  const { bytes } = reader;
  const start = reader.at;
  const negative = bytes[start] === MINUS;
  const whole = negative ? start + 1 : start;
  reader.at = whole;
  let mantissa = gather(reader, CHUNK, 0);
  const wholeDigits = reader.at - whole;
  let decimals = 0;
  if (bytes[reader.at] === POINT) {
    const fraction = reader.at + 1;
    reader.at = fraction;
    if (mantissa === 0) while (bytes[reader.at] === ZERO) reader.at += 1;
    const high = gather(reader, mantissa === 0 ? CHUNK : CHUNK - wholeDigits, mantissa);
    const middle = reader.at;
    const low = gather(reader, CHUNK, 0);
    mantissa = reader.at === middle ? high : high * POWERS[reader.at - middle]! + low;
    decimals = reader.at - fraction;
    if (decimals === 0) throw unexpected(reader);
  }
  if (wholeDigits === 0 || (wholeDigits > 1 && bytes[whole] === ZERO)) {
    reader.at = start;
    skipNumber(reader);
  }
  const next = bytes[reader.at];
  if (next === COMMA || next === CLOSE_ARRAY) {
    if (mantissa < TWO_53 && decimals <= 22) {
      out[index] = (negative ? -mantissa : mantissa) / POWERS[decimals]!;
      return;
    }
  }
  out[index] = finish(reader, start, { mantissa, decimals }, out instanceof Float32Array);
}
