/**
 * A strict JSON parser (RFC 8259) over the bytes of a request, in one pass. Why not JSON.parse: a tensor's `data` must
 * go from the text into its typed array without a JavaScript array between, integers beyond 2^53 must stay exact, and
 * duplicate keys, lone surrogates and prototype tricks must be refused, not repaired.
 *
 * Invariants: whatever the bytes are, a read ends with a value or a Failure; nesting, keys and values are bounded, so
 * memory is a small multiple of the bytes read and the stack never overflows.
 */
import {
  CLOSE_ARRAY,
  COMMA,
  type JsonReader,
  MAX_DEPTH,
  OPEN_ARRAY,
  QUOTE,
  createReader,
  depthFailure,
  jsonFailure,
  peek,
  unexpected,
} from './json-cursor.ts';
import { readString } from './json-string.ts';
import { numberToken } from './number-token.ts';

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
/** Without a prototype, so that no key of a request can reach one. */
export type JsonObject = { [key: string]: JsonValue };

const MAX_KEYS = 10_000;
const MAX_VALUES = 100_000;

const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A value that the caller reads itself: it moves the reader past it and returns what to keep, else undefined. */
export type Special = (key: string, object: JsonObject) => JsonValue | undefined;

function expect(reader: JsonReader, byte: number): void {
  if (peek(reader) !== byte) throw unexpected(reader);
  reader.at += 1;
}

function enter(reader: JsonReader): void {
  reader.at += 1;
  reader.depth += 1;
  if (reader.depth > MAX_DEPTH) throw depthFailure();
}

/** After a member or element: true when a further one follows, false when the container is closed. */
function goesOn(reader: JsonReader, close: number): boolean {
  const byte = peek(reader);
  if (byte !== COMMA && byte !== close) throw unexpected(reader);
  reader.at += 1;
  if (byte === COMMA) return true;
  reader.depth -= 1;
  return false;
}

function readWord(reader: JsonReader, word: string): void {
  const end = reader.at + word.length;
  if (reader.bytes.toString('latin1', reader.at, end) !== word) throw unexpected(reader);
  reader.at = end;
}

function readKey(reader: JsonReader, object: JsonObject): string {
  if (peek(reader) !== QUOTE) throw unexpected(reader);
  const key = readString(reader);
  reader.keys += 1;
  if (reader.keys > MAX_KEYS) throw jsonFailure(reader, `more than ${MAX_KEYS} keys`);
  if (key === '__proto__' || key === 'constructor') throw jsonFailure(reader, `the key '${key}' is not allowed`);
  if (key in object) throw jsonFailure(reader, `the key '${key.slice(0, 64)}' occurs twice in one object`);
  expect(reader, COLON);
  peek(reader);
  return key;
}

/** @param special reads chosen members itself; without it every member is kept as it is */
export function readObject(reader: JsonReader, special?: Special): JsonObject {
  if (peek(reader) !== OPEN_OBJECT) throw jsonFailure(reader, 'an object is expected');
  enter(reader);
  const object = Object.create(null) as JsonObject;
  if (peek(reader) === CLOSE_OBJECT) {
    goesOn(reader, CLOSE_OBJECT);
    return object;
  }
  do {
    const key = readKey(reader, object);
    const own = special?.(key, object);
    object[key] = own === undefined ? readValue(reader) : own;
  } while (goesOn(reader, CLOSE_OBJECT));
  return object;
}

/** @param element reads one element; the reader stands at its first byte */
export function readArray<T>(reader: JsonReader, element: (reader: JsonReader) => T): T[] {
  if (peek(reader) !== OPEN_ARRAY) throw jsonFailure(reader, 'an array is expected');
  enter(reader);
  const array: T[] = [];
  if (peek(reader) === CLOSE_ARRAY) {
    goesOn(reader, CLOSE_ARRAY);
    return array;
  }
  do {
    peek(reader);
    array.push(element(reader));
  } while (goesOn(reader, CLOSE_ARRAY));
  return array;
}

/** Any value; recursion ends at MAX_DEPTH. */
function readValue(reader: JsonReader): JsonValue {
  reader.values += 1;
  if (reader.values > MAX_VALUES) throw jsonFailure(reader, `more than ${MAX_VALUES} values outside of tensors`);
  switch (peek(reader)) {
    case OPEN_OBJECT:
      return readObject(reader);
    case OPEN_ARRAY:
      return readArray(reader, readValue);
    case QUOTE:
      return readString(reader);
    case 0x74:
      readWord(reader, 'true');
      return true;
    case 0x66:
      readWord(reader, 'false');
      return false;
    case 0x6e:
      readWord(reader, 'null');
      return null;
    default:
      return readFinite(reader);
  }
}

function readFinite(reader: JsonReader): number {
  const start = reader.at;
  const value = Number(numberToken(reader));
  if (Number.isFinite(value)) return value;
  reader.at = start;
  throw jsonFailure(reader, 'a number beyond the range of a double');
}

/** Only white space may follow. */
export function expectEnd(reader: JsonReader): void {
  if (peek(reader) !== undefined) throw unexpected(reader);
}

/**
 * Moves past an array without keeping it, for a tensor whose shape or datatype comes later. Checks its depth and the
 * pairing of its brackets; the rest is checked when it is read.
 */
export function skipArray(reader: JsonReader): void {
  const { bytes } = reader;
  let depth = 0;
  for (let byte = peek(reader); byte !== undefined; byte = peek(reader)) {
    if (byte === QUOTE) {
      readString(reader);
      continue;
    }
    reader.at += 1;
    if (byte === OPEN_ARRAY) depth += 1;
    if (byte === CLOSE_ARRAY) depth -= 1;
    if (depth > MAX_DEPTH) throw depthFailure();
    if (depth === 0) return;
  }
  reader.at = bytes.length;
  throw unexpected(reader);
}

/**
 * A whole document.
 *
 * @throws Failure bad_request for anything that is not strict JSON within the limits
 */
export function parseJson(bytes: Buffer): JsonValue {
  const reader = createReader(bytes);
  const value = readValue(reader);
  expectEnd(reader);
  return value;
}

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
