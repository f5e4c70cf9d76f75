/** Number tokens of JSON, one at a time and exactly: the way that is always right. float-text.ts is the fast one. */
import { type JsonReader, MINUS, POINT, ZERO, jsonFailure, unexpected } from './json-cursor.ts';

const MAX_TOKEN = 1000;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

function skipDigits(reader: JsonReader): void {
  const { bytes } = reader;
  const start = reader.at;
  let digit = bytes[start]! - ZERO;
  while (digit >= 0 && digit <= 9) {
    reader.at += 1;
    digit = bytes[reader.at]! - ZERO;
  }
  if (reader.at === start) throw unexpected(reader);
}

/**
 * The number token at the reader, which is left behind it.
 *
 * @throws Failure bad_request where the grammar of JSON has no number, or one of over 1,000 characters
 */
export function numberToken(reader: JsonReader): string {
  const { bytes } = reader;
  const start = reader.at;
  if (bytes[start] === MINUS) reader.at += 1;
  const whole = reader.at;
  skipDigits(reader);
  if (bytes[whole] === ZERO && reader.at > whole + 1) throw jsonFailure(reader, 'a number with a leading zero');
  if (bytes[reader.at] === POINT) {
    reader.at += 1;
    skipDigits(reader);
  }
  if (((bytes[reader.at] ?? 0) | 0x20) === 0x65) {
    reader.at += 1;
    const sign = bytes[reader.at];
    if (sign === 0x2b || sign === MINUS) reader.at += 1;
    skipDigits(reader);
  }
  if (reader.at - start > MAX_TOKEN) throw jsonFailure(reader, `a number of more than ${MAX_TOKEN} characters`);
  return bytes.toString('latin1', start, reader.at);
}

/**
 * The integer that a number token denotes exactly, however it is written (`7`, `7.0`, `70e-1`).
 *
 * @returns undefined for a fraction, and for whatever has more than 20 digits
 */
export function exactInteger(token: string): bigint | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = NUMBER.exec(token) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 0n;
  const significant = digits.replace(/0+$/, '');
  const zeros = Number(exponent) - fraction.length + digits.length - significant.length;
  if (zeros < 0 || significant.length + zeros > 20) return undefined;
  return BigInt(`${sign}${significant}${'0'.repeat(zeros)}`);
}
