/**
 * Rows of several jobs ↔ one batch. Invariant: row i of the batch belongs to the job whose rows cover i, in the order
 * of the jobs, on the way in and on the way out.
 */
import { ELEMENT_BYTES, elementCount, type Datatype } from '@batchyard/shared/contract/tensor';
import type { BlobTensor, TensorBlob } from '@batchyard/shared/contract/tensor-blob';

export type StackedTensor = {
  readonly position: number;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Raw bytes, or for BYTES one string an element. */
  readonly data: Uint8Array | readonly string[];
};

/** The strings of a BYTES tensor: before each element its length in 4 bytes, little-endian. */
export function readStrings(data: Uint8Array): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const strings: string[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const length = bytes.readUInt32LE(at);
    strings.push(bytes.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

/** Elements of a BYTES tensor; undefined where its bytes do not end with one. */
export function countStrings(data: Uint8Array): number | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let count = 0;
  let at = 0;
  for (; at + 4 <= data.byteLength; count += 1) at += 4 + view.getUint32(at, true);
  return at === data.byteLength ? count : undefined;
}

export function writeStrings(strings: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (const text of strings) {
    const bytes = Buffer.from(text);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32LE(bytes.byteLength);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/**
 * Copies each job's rows once, into memory from `acquire`.
 * @param batched whether axis 0 is the batch axis; without one there is exactly one job
 */
export function stack(
  blobs: readonly TensorBlob[],
  batched: boolean,
  acquire: (bytes: number) => Uint8Array,
): StackedTensor[] {
  const [first] = blobs;
  if (!first) return [];
  return first.tensors.map(({ position, datatype, shape: own }, i) => {
    const parts = blobs.map((blob) => blob.tensors[i] as BlobTensor);
    const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
    const shape = batched ? [rows, ...own.slice(1)] : own;
    if (datatype === 'BYTES')
      return { position, datatype, shape, data: parts.flatMap((part) => readStrings(part.data)) };
    const data = acquire(elementCount(shape) * ELEMENT_BYTES[datatype]);
    let at = 0;
    for (const part of parts) {
      data.set(part.data, at);
      at += part.data.byteLength;
    }
    return { position, datatype, shape, data };
  });
}

type Share = { readonly rows: number; readonly requested: readonly number[] };

/** Views on the outputs, a blob for each job with the outputs it asked for. */
export function split(outputs: readonly StackedTensor[], shares: readonly Share[], batched: boolean): TensorBlob[] {
  let start = 0;
  return shares.map(({ rows, requested }) => {
    const asked =
      requested.length === 0
        ? outputs
        : requested.flatMap((position) => outputs.find((one) => one.position === position) ?? []);
    const from = start;
    start += rows;
    return {
      tensors: asked.map((output) => (batched ? cut(output, from, rows) : cut(output, 0, undefined))),
      requested: [],
    };
  });
}

function cut({ position, datatype, shape, data }: StackedTensor, start: number, rows: number | undefined): BlobTensor {
  const own = rows === undefined ? shape : [rows, ...shape.slice(1)];
  const elements = elementCount(shape.slice(1));
  if (data instanceof Uint8Array) {
    const perRow = elements * ELEMENT_BYTES[datatype];
    const part = rows === undefined ? data : data.subarray(start * perRow, (start + rows) * perRow);
    return { position, datatype, shape: own, data: part };
  }
  const part = rows === undefined ? data : data.slice(start * elements, (start + rows) * elements);
  return { position, datatype, shape: own, data: writeStrings(part) };
}
