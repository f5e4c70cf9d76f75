/** A growing buffer of JSON text, and numbers written into it without a string between. */

/** `bytes` up to `at` are written. */
export type JsonWriter = { bytes: Buffer; at: number };

const ZERO = 0x30;
const MINUS = 0x2d;
const CHUNK = 1e9;

export const createWriter = (size: number): JsonWriter => ({ bytes: Buffer.allocUnsafe(size), at: 0 });

/** Makes room for `more` bytes. */
export function reserve(writer: JsonWriter, more: number): void {
  const needed = writer.at + more;
  if (needed <= writer.bytes.length) return;
  const larger = Buffer.allocUnsafe(2 * needed);
  writer.bytes.copy(larger, 0, 0, writer.at);
  writer.bytes = larger;
}

export function writeText(writer: JsonWriter, text: string): void {
  reserve(writer, 3 * text.length);
  writer.at += writer.bytes.write(text, writer.at, 'utf8');
}

/** Only for ASCII, and short: a loop beats the call into the runtime. The room must be reserved. */
export function writeShort(writer: JsonWriter, text: string): void {
  const { bytes } = writer;
  let at = writer.at;
  for (let index = 0; index < text.length; index += 1, at += 1) bytes[at] = text.charCodeAt(index);
  writer.at = at;
}

/** Decimal digits of 0 ≤ value < 2^31, with zeros before them up to `width`. The room must be reserved. */
export function writeDigits(writer: JsonWriter, value: number, width: number): void {
  const { bytes } = writer;
  let size = 1;
  for (let rest = (value / 10) | 0; rest > 0; rest = (rest / 10) | 0) size += 1;
  if (size < width) size = width;
  let rest = value;
  for (let at = writer.at + size - 1; at >= writer.at; at -= 1) {
    const tens = (rest / 10) | 0;
    bytes[at] = ZERO + rest - tens * 10;
    rest = tens;
  }
  writer.at += size;
}

/** An integer of magnitude up to 2^53. The room must be reserved (17 bytes). */
export function writeInteger(writer: JsonWriter, value: number): void {
  let rest = value;
  if (rest < 0) {
    writer.bytes[writer.at] = MINUS;
    writer.at += 1;
    rest = -rest;
  }
  if (rest < CHUNK) {
    writeDigits(writer, rest, 1);
    return;
  }
  const high = Math.floor(rest / CHUNK);
  writeDigits(writer, high, 1);
  writeDigits(writer, rest - high * CHUNK, 9);
}
