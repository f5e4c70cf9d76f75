/** The elements of a result, from raw bytes to JSON. */
import { Failure } from '@batchyard/shared/contract/failure';
import { type Datatype, ELEMENT_BYTES } from '@batchyard/shared/contract/tensor';
import { decodeUtf8 } from './json-string.ts';
import { type JsonWriter, reserve, writeInteger, writeShort, writeText } from './json-writer.ts';
import { writeSingle } from './single-text.ts';

const COMMA = 0x2c;
/** Room for any number with its comma. */
const ELEMENT_ROOM = 40;

type WriteElement = (writer: JsonWriter, view: DataView, at: number) => void;

function writeDouble(writer: JsonWriter, value: number): void {
  if (!Number.isFinite(value)) writeShort(writer, `"${String(value)}"`);
  else writeShort(writer, Object.is(value, -0) ? '-0.0' : String(value));
}

/** high × 2^32 + low as text; exact, and fast while a double holds it. */
function writeWide(writer: JsonWriter, high: number, low: number): void {
  const value = high * 2 ** 32 + low;
  if (Number.isSafeInteger(value)) writeInteger(writer, value);
  else writeShort(writer, String((BigInt(high) << 32n) + BigInt(low)));
}

const WRITERS: Readonly<Record<Exclude<Datatype, 'FP16' | 'BYTES'>, WriteElement>> = {
  BOOL: (writer, view, at) => writeShort(writer, view.getUint8(at) === 0 ? 'false' : 'true'),
  UINT8: (writer, view, at) => writeInteger(writer, view.getUint8(at)),
  UINT16: (writer, view, at) => writeInteger(writer, view.getUint16(at, true)),
  UINT32: (writer, view, at) => writeInteger(writer, view.getUint32(at, true)),
  UINT64: (writer, view, at) => writeWide(writer, view.getUint32(at + 4, true), view.getUint32(at, true)),
  INT8: (writer, view, at) => writeInteger(writer, view.getInt8(at)),
  INT16: (writer, view, at) => writeInteger(writer, view.getInt16(at, true)),
  INT32: (writer, view, at) => writeInteger(writer, view.getInt32(at, true)),
  INT64: (writer, view, at) => writeWide(writer, view.getInt32(at + 4, true), view.getUint32(at, true)),
  FP32: (writer, view, at) => writeSingle(writer, view.getFloat32(at, true)),
  FP64: (writer, view, at) => writeDouble(writer, view.getFloat64(at, true)),
};

function writeStrings(writer: JsonWriter, view: DataView): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + (at + 4 <= bytes.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY);
    if (end > bytes.length) throw new Failure('internal', 'a string of the result is cut short');
    const text = decodeUtf8(bytes.subarray(at + 4, end));
    if (text === undefined) {
      throw new Failure('model_error', 'a string of the result is not UTF-8: ask for the output as binary data');
    }
    writeText(writer, at === 0 ? JSON.stringify(text) : `,${JSON.stringify(text)}`);
    at = end;
  }
}

/**
 * @param data raw bytes of a tensor of the datatype; any alignment
 * @throws Failure model_error for bytes that JSON cannot carry
 */
export function writeTensor(writer: JsonWriter, datatype: Datatype, data: Uint8Array): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  writeText(writer, '[');
  if (datatype === 'BYTES') writeStrings(writer, view);
  else if (datatype === 'FP16') throw new Failure('invalid_input', 'sending FP16 data via JSON is not supported');
  else {
    const write = WRITERS[datatype];
    const step = ELEMENT_BYTES[datatype];
    for (let at = 0; at + step <= data.byteLength; at += step) {
      reserve(writer, ELEMENT_ROOM);
      if (at > 0) {
        writer.bytes[writer.at] = COMMA;
        writer.at += 1;
      }
      write(writer, view, at);
    }
  }
  writeText(writer, ']');
}
