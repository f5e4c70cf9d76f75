/**
 * The shortest decimal text that reads back as the same float32, also where the reader rounds to a double first (a text
 * half way between two float32 is never taken).
 *
 * Nine significant digits always suffice. Fewer are tried from eight down; a candidate n × 10^-k counts when both ends
 * of an interval around its double, wider than the error of computing it, round to the float32 in question.
 */
import { POWERS } from './float-text.ts';
import { type JsonWriter, writeDigits, writeInteger, writeShort } from './json-writer.ts';

const BELOW = 1 - 2 ** -49;
const ABOVE = 1 + 2 ** -49;
const POINT = 0x2e;
const ZERO = 0x30;
const MINUS = 0x2d;
const MOST_DIGITS = 9;
const FEWEST_DIGITS = 6;
/** Below, a float32 has fewer digits to tell it from its neighbours. */
const SMALLEST_NORMAL = 2 ** -126;

/** value × 10^power for powers within ±64. */
const shifted = (value: number, power: number): number =>
  power < 0 ? value / POWERS[-power]! : value * POWERS[power]!;

function readsBack(digits: number, power: number, value: number): boolean {
  const near = shifted(digits, -power);
  return Math.fround(near * BELOW) === value && Math.fround(near * ABOVE) === value;
}

/** Plain notation from 10^-6 to 10^21, as JavaScript writes numbers. `digits` × 10^-power. */
function writeDecimal(writer: JsonWriter, digits: number, power: number): void {
  const { bytes } = writer;
  let size = 1;
  for (let rest = (digits / 10) | 0; rest > 0; rest = (rest / 10) | 0) size += 1;
  const order = size - 1 - power;
  if (order < -6 || order >= 21) {
    const split = POWERS[size - 1]!;
    const lead = Math.floor(digits / split);
    writeDigits(writer, lead, 1);
    if (size > 1) {
      bytes[writer.at] = POINT;
      writer.at += 1;
      writeDigits(writer, digits - lead * split, size - 1);
    }
    writeShort(writer, order < 0 ? 'e-' : 'e+');
    writeDigits(writer, Math.abs(order), 1);
    return;
  }
  if (power <= 0) {
    writeDigits(writer, digits, 1);
    for (let zeros = power; zeros < 0; zeros += 1, writer.at += 1) bytes[writer.at] = ZERO;
    return;
  }
  const split = power < MOST_DIGITS ? POWERS[power]! : Number.POSITIVE_INFINITY;
  const whole = Math.floor(digits / split);
  writeDigits(writer, whole, 1);
  bytes[writer.at] = POINT;
  writer.at += 1;
  writeDigits(writer, whole === 0 ? digits : digits - whole * split, power);
}

/** A positive float32 that is no small integer. */
function writeFraction(writer: JsonWriter, value: number): void {
  let order = Math.floor(Math.log10(value));
  let power = MOST_DIGITS - 1 - order;
  let digits = Math.round(shifted(value, power));
  if (digits >= 1e9) {
    order += 1;
    power -= 1;
    digits = Math.round(shifted(value, power));
  }
  const fewest = value < SMALLEST_NORMAL ? 1 : FEWEST_DIGITS;
  for (let count = MOST_DIGITS - 1; count >= fewest; count -= 1) {
    const shorter = Math.round(shifted(value, count - 1 - order));
    if (!readsBack(shorter, count - 1 - order, value)) break;
    digits = shorter;
    power = count - 1 - order;
  }
  while (digits % 10 === 0) {
    digits = (digits / 10) | 0;
    power -= 1;
  }
  writeDecimal(writer, digits, power);
}

/**
 * A float32 as JSON, at most 32 bytes, which must be reserved. What JSON has no number for is a string; -0 is `-0.0`,
 * because `-0` is an integer without a sign to readers that have integers.
 */
export function writeSingle(writer: JsonWriter, value: number): void {
  if (!Number.isFinite(value)) {
    writeShort(writer, `"${String(value)}"`);
    return;
  }
  if (value < 0 || Object.is(value, -0)) {
    writer.bytes[writer.at] = MINUS;
    writer.at += 1;
  }
  const size = Math.abs(value);
  if (size === 0) writeShort(writer, value === 0 && Object.is(value, -0) ? '0.0' : '0');
  else if (size < 1e9 && Math.floor(size) === size) writeInteger(writer, size);
  else writeFraction(writer, size);
}
