/** Text that is kept many times over, deflated: an hour of samples is a quarter as large. What was kept as it is stays readable. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** Begins no JSON text. */
const PACKED = 'z:';
/** Unpacked, a text is no longer. */
const MOST_BYTES = 16 * 1_048_576;

export const packText = (text: string): string => PACKED + deflateRawSync(text).toString('base64');

/** @throws Error where it begins like a packed text and is none */
export function unpackText(text: string): string {
  if (!text.startsWith(PACKED)) return text;
  const packed = Buffer.from(text.slice(PACKED.length), 'base64');
  return inflateRawSync(packed, { maxOutputLength: MOST_BYTES }).toString();
}
