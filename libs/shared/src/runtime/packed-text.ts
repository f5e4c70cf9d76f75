/**
 * Text that is kept many times over, deflated with the words that all of them share: a sample is a third as large.
 * What was kept without those words, or as it is, stays readable. The header of zlib's format names the words (RFC 1950,
 * DICTID), so that a text that was packed with others is an error and nothing else.
 */
import { deflateSync, inflateRawSync, inflateSync } from 'node:zlib';

/** Each begins no JSON text. */
const [WITH_WORDS, WITHOUT] = ['w:', 'z:'];
/** Unpacked, a text is no longer. */
const MOST_BYTES = 16 * 1_048_576;

/** @param words what the text is likely to contain, 32 KiB at most */
export const packText = (text: string, words: string): string =>
  WITH_WORDS + deflateSync(text, { dictionary: Buffer.from(words) }).toString('base64');

/** @throws Error where it begins like a packed text and is none, or is one of other words */
export function unpackText(text: string, words: string): string {
  const packed = (): Buffer => Buffer.from(text.slice(2), 'base64');
  const bound = { maxOutputLength: MOST_BYTES };
  if (text.startsWith(WITH_WORDS))
    return inflateSync(packed(), { ...bound, dictionary: Buffer.from(words) }).toString();
  return text.startsWith(WITHOUT) ? inflateRawSync(packed(), bound).toString() : text;
}
