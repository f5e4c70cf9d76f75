/** Triton's classification extension: the largest values of each row, as `value:index` or `value:index:label` strings. */
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';
import { type Datatype, ELEMENT_BYTES, elementCount } from '@batchyard/shared/contract/tensor';

const isFloat = (datatype: Datatype): boolean => datatype === 'FP32' || datatype === 'FP64';

function valueAt(view: DataView, datatype: Datatype, at: number): number | bigint {
  switch (datatype) {
    case 'UINT8':
      return view.getUint8(at);
    case 'UINT16':
      return view.getUint16(at, true);
    case 'UINT32':
      return view.getUint32(at, true);
    case 'UINT64':
      return view.getBigUint64(at, true);
    case 'INT8':
      return view.getInt8(at);
    case 'INT16':
      return view.getInt16(at, true);
    case 'INT32':
      return view.getInt32(at, true);
    case 'INT64':
      return view.getBigInt64(at, true);
    case 'FP32':
      return view.getFloat32(at, true);
    case 'FP64':
      return view.getFloat64(at, true);
    default:
      throw new RangeError(`no classes of ${datatype}`);
  }
}

/** Largest first, NaN last, equal ones in their order. */
function compare(a: number | bigint, b: number | bigint): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? 1 : Number(a > b) * -1;
}

function lengthPrefixed(texts: readonly string[]): Buffer {
  const parts = texts.flatMap((text) => {
    const head = Buffer.alloc(4);
    const body = Buffer.from(text);
    head.writeUInt32LE(body.length);
    return [head, body];
  });
  return Buffer.concat(parts);
}

/**
 * @param tensor [rows, …] where `batched`, else of any shape; not BOOL, FP16 or BYTES
 * @param count classes wanted of each row; at most as many as there are
 * @param labels of the indices; those without one go without
 * @returns BYTES of shape [rows, count] or [count]
 */
export function classify(
  tensor: BlobTensor,
  count: number,
  batched: boolean,
  labels: readonly string[] = [],
): BlobTensor {
  const { datatype, data, shape } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const rows = batched ? (shape[0] ?? 1) : 1;
  const classes = elementCount(batched ? shape.slice(1) : shape);
  const kept = Math.min(count, classes);
  const texts: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    const values = Array.from({ length: classes }, (_, index) => {
      const at = (row * classes + index) * ELEMENT_BYTES[datatype];
      return { index, value: valueAt(view, datatype, at) };
    });
    values.sort((a, b) => compare(a.value, b.value));
    for (const { index, value } of values.slice(0, kept)) {
      const label = labels[index] ?? '';
      const shown = isFloat(datatype) ? Number(value).toFixed(6) : String(value);
      texts.push(label === '' ? `${shown}:${index}` : `${shown}:${index}:${label}`);
    }
  }
  return { ...tensor, datatype: 'BYTES', shape: batched ? [rows, kept] : [kept], data: lengthPrefixed(texts) };
}
