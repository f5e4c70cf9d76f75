/** String tokens of JSON: strict UTF-8, no bare control characters, no lone surrogates. */
import { QUOTE, type JsonReader, jsonFailure } from './json-cursor.ts';

const BACKSLASH = 0x5c;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What follows the backslash → the character; `u` is treated apart. */
const ESCAPES: Readonly<Record<string, string>> = Object.assign(Object.create(null) as Record<string, string>, {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
});

function unescape(reader: JsonReader, raw: string): string {
  let text = '';
  let from = 0;
  for (let at = raw.indexOf('\\'); at >= 0; at = raw.indexOf('\\', from)) {
    const letter = raw[at + 1] ?? '';
    text += raw.slice(from, at);
    if (letter === 'u') {
      const digits = raw.slice(at + 2, at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw jsonFailure(reader, 'a broken \\u escape');
      text += String.fromCharCode(Number.parseInt(digits, 16));
      from = at + 6;
    } else {
      const character = ESCAPES[letter];
      if (character === undefined) throw jsonFailure(reader, 'an unknown escape');
      text += character;
      from = at + 2;
    }
  }
  text += raw.slice(from);
  if (!text.isWellFormed()) throw jsonFailure(reader, 'a lone surrogate');
  return text;
}

/** Bytes that are read as text. @returns undefined where they are not UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** One pass in plain code while it is ASCII, as most is: asking the decoder costs more than a short string. */
export function isUtf8(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at]! >= 0x80) return decodeUtf8(bytes) !== undefined;
  }
  return true;
}

/** The string token at the reader, which is left behind it. */
export function readString(reader: JsonReader): string {
  const { bytes } = reader;
  const start = reader.at + 1;
  let at = start;
  let seen = 0;
  let escaped = false;
  let byte = bytes[at];
  while (byte !== QUOTE) {
    if (byte === undefined || byte < 0x20) {
      reader.at = at;
      throw jsonFailure(reader, byte === undefined ? 'an unterminated string' : 'a bare control character');
    }
    if (byte === BACKSLASH) {
      escaped = true;
      at += 1;
    }
    seen |= byte;
    at += 1;
    byte = bytes[at];
  }
  reader.at = at + 1;
  const raw = seen < 0x80 ? bytes.toString('latin1', start, at) : decodeUtf8(bytes.subarray(start, at));
  if (raw === undefined) throw jsonFailure(reader, 'a string that is not UTF-8');
  return escaped ? unescape(reader, raw) : raw;
}
