/** Where a parse of JSON stands, and what it says when it cannot go on. */
import { Failure } from '@batchyard/shared/contract/failure';

/** `depth`, `keys` and `values` count towards the limits of json-reader.ts. */
export type JsonReader = {
  readonly bytes: Buffer;
  /** The same bytes, for reading several at once. */
  readonly view: DataView;
  at: number;
  depth: number;
  keys: number;
  values: number;
};

/** Triton's limit and text. */
export const MAX_DEPTH = 100;

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const POINT = 0x2e;
export const ZERO = 0x30;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;

export function createReader(bytes: Buffer, at = 0): JsonReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { bytes, view, at, depth: 0, keys: 0, values: 0 };
}

export const jsonFailure = (reader: JsonReader, problem: string): Failure =>
  new Failure('bad_request', `failed to parse the request JSON: ${problem} at byte ${reader.at}`);

export const depthFailure = (): Failure =>
  new Failure('bad_request', `JSON nesting depth exceeds maximum allowed limit (${MAX_DEPTH})`);

/** For a byte that the grammar does not allow where the reader stands. */
export function unexpected(reader: JsonReader): Failure {
  const byte = reader.bytes[reader.at];
  if (byte === undefined) return jsonFailure(reader, 'unexpected end');
  const shown = byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16)}`;
  return jsonFailure(reader, `unexpected ${shown}`);
}

/** Moves past white space. @returns the byte that follows; undefined at the end */
export function peek(reader: JsonReader): number | undefined {
  const { bytes } = reader;
  let at = reader.at;
  let byte = bytes[at];
  while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
    at += 1;
    byte = bytes[at];
  }
  reader.at = at;
  return byte;
}

/** After an element: past a comma to the element that follows. @returns false, and moves nowhere, if none does */
export function toNextElement(reader: JsonReader): boolean {
  if (peek(reader) !== COMMA) return false;
  reader.at += 1;
  peek(reader);
  return true;
}
