/**
 * Number tokens of JSON to binary floating point, equal to `Number(text)` in every bit (for `single`: to
 * `Math.fround(Number(text))`), several times as fast for what tensors hold.
 *
 * Up to 18 significant digits are gathered as two integers of nine. A mantissa below 2^53 times or over a power of ten
 * up to 10^22 is one correctly rounded operation on exact operands (W. D. Clinger, "How to read floating point numbers
 * accurately", 1990). For a float32, a longer mantissa is computed with an error below 2^-51, and taken when both ends
 * of a wider interval round to the same float32. Everything else is left to `Number`.
 */
import { type JsonReader, jsonFailure, unexpected } from './json-reader.ts';

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
const TWO_53 = 2 ** 53;
const BELOW = 1 - 2 ** -49;
const ABOVE = 1 + 2 ** -49;
const CHUNK = 9;
const MAX_TOKEN = 1000;

/** 10^0 … 10^64, correctly rounded; exact up to 10^22. */
export const POWERS = Float64Array.from({ length: 65 }, (_, exponent) => Number(`1e${exponent}`));

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

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= ZERO + 9;
}

function expectDigits(reader: JsonReader): void {
  if (!isDigit(reader.bytes[reader.at])) throw unexpected(reader);
  while (isDigit(reader.bytes[reader.at])) reader.at += 1;
}

/** Past the exponent at the reader, if there is one. @returns its value, clipped */
function readExponent(reader: JsonReader): number {
  const { bytes } = reader;
  if (((bytes[reader.at] ?? 0) | 0x20) !== 0x65) return 0;
  reader.at += 1;
  const sign = bytes[reader.at];
  if (sign === 0x2b || sign === MINUS) reader.at += 1;
  const start = reader.at;
  expectDigits(reader);
  const size = Number(bytes.toString('latin1', start, Math.min(reader.at, start + MAX_TOKEN)));
  return sign === MINUS ? -size : size;
}

/** The whole token by way of `Number`, which rounds correctly whatever its length. */
function readSlowly(reader: JsonReader, start: number): number {
  const { bytes } = reader;
  reader.at = bytes[start] === MINUS ? start + 1 : start;
  expectDigits(reader);
  if (bytes[reader.at] === POINT) {
    reader.at += 1;
    expectDigits(reader);
  }
  readExponent(reader);
  if (reader.at - start > MAX_TOKEN) throw jsonFailure(reader, `a number of more than ${MAX_TOKEN} characters`);
  return Number(bytes.toString('latin1', start, reader.at));
}

/** mantissa × 10^exponent rounded as asked, or NaN where that takes more care than here. */
function scaled(mantissa: number, exponent: number, single: boolean): number {
  if (mantissa < TWO_53 && exponent >= -22 && exponent <= 22) {
    return exponent < 0 ? mantissa / POWERS[-exponent]! : mantissa * POWERS[exponent]!;
  }
  if (!single || mantissa === 0 || exponent < -64 || exponent > 64) return Number.NaN;
  const value = exponent < 0 ? mantissa / POWERS[-exponent]! : mantissa * POWERS[exponent]!;
  const rounded = Math.fround(value * BELOW);
  return rounded === Math.fround(value * ABOVE) ? rounded : Number.NaN;
}

/**
 * The number token at the reader, which is left behind it.
 *
 * @param single the result is exact once it is rounded to a float32, and need not be before
 * @returns ±Infinity beyond the range of a double
 * @throws Failure bad_request where there is no number by the grammar of JSON
 */
export function readNumber(reader: JsonReader, single: boolean): number {
  const { bytes } = reader;
  const start = reader.at;
  const negative = bytes[start] === MINUS;
  const whole = negative ? start + 1 : start;
  reader.at = whole;
  let high = gather(reader, CHUNK, 0);
  const wholeDigits = reader.at - whole;
  if (wholeDigits === 0) throw unexpected(reader);
  if (wholeDigits > 1 && bytes[whole] === ZERO) throw jsonFailure(reader, 'a number with a leading zero');
  let long = wholeDigits === CHUNK && isDigit(bytes[reader.at]);
  let mantissa = high;
  let scale = 0;
  if (bytes[reader.at] === POINT) {
    reader.at += 1;
    const fraction = reader.at;
    if (high === 0) while (bytes[reader.at] === ZERO) reader.at += 1;
    high = gather(reader, high === 0 ? CHUNK : CHUNK - wholeDigits, high);
    const middle = reader.at;
    const low = gather(reader, CHUNK, 0);
    const lowDigits = reader.at - middle;
    mantissa = lowDigits === 0 ? high : high * POWERS[lowDigits]! + low;
    scale = reader.at - fraction;
    if (scale === 0) throw unexpected(reader);
    long = isDigit(bytes[reader.at]);
  }
  if (long) return readSlowly(reader, start);
  const value = scaled(mantissa, readExponent(reader) - scale, single);
  if (Number.isNaN(value)) return readSlowly(reader, start);
  return negative ? -value : value;
}
