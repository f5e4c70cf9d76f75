/**
 * Rows of several jobs ↔ one batch. Invariant: row i of the batch belongs to the job whose rows cover i, in the order
 * of the jobs, on the way in and on the way out.
 */
import type { BlobTensor, TensorBlob } from '@batchyard/shared/contract/tensor-blob';
import { ELEMENT_BYTES, elementCount, type Datatype } from '@batchyard/shared/contract/tensor';

export type StackedTensor = {
  readonly position: number;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Raw bytes, or for BYTES one string an element. */
  readonly data: Uint8Array | readonly string[];
};

/** The strings of a BYTES tensor (4-byte little-endian length before each element). */
export function readStrings(data: Uint8Array): string[] {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const strings: string[] = [];
  for (let at = 0; at < view.byteLength; ) {
    const length = view.readUInt32LE(at);
    strings.push(view.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
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
 * Copies each job's rows once into memory from `acquire`.
 * @param batched whether axis 0 is the batch axis; without one there is exactly one job
 */
export function stack(blobs: readonly TensorBlob[], batched: boolean, acquire: (bytes: number) => Uint8Array): StackedTensor[] {
  const first = blobs[0];
  if (!first) return [];
  return first.tensors.map((model, i) => {
    const parts = blobs.map((blob) => blob.tensors[i] as BlobTensor);
    const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
    const shape = batched ? [rows, ...model.shape.slice(1)] : model.shape;
    const { position, datatype } = model;
    if (datatype === 'BYTES') return { position, datatype, shape, data: parts.flatMap((part) => readStrings(part.data)) };
    const data = acquire(elementCount(shape) * ELEMENT_BYTES[datatype]);
    let at = 0;
    for (const part of parts) {
      data.set(part.data, at);
      at += part.data.byteLength;
    }
    return { position, datatype, shape, data };
  });
}

/** Views on the outputs, one blob a job, with the outputs that the job asked for. */
export function split(outputs: readonly StackedTensor[], jobs: readonly { rows: number; requested: readonly number[] }[], batched: boolean): TensorBlob[] {
  let start = 0;
  return jobs.map(({ rows, requested }) => {
    const wanted = requested.length > 0 ? requested.map((position) => outputs.find((o) => o.position === position)) : outputs;
    const tensors = wanted.flatMap((output) => (output ? [batched ? cut(output, start, rows) : whole(output)] : []));
    start += rows;
    return { tensors, requested: [] };
  });
}

const bytesOf = (data: Uint8Array | readonly string[]): Uint8Array => (data instanceof Uint8Array ? data : writeStrings(data));

function whole({ position, datatype, shape, data }: StackedTensor): BlobTensor {
  return { position, datatype, shape, data: bytesOf(data) };
}

function cut({ position, datatype, shape, data }: StackedTensor, start: number, rows: number): BlobTensor {
  const perRow = elementCount(shape.slice(1)) * (data instanceof Uint8Array ? ELEMENT_BYTES[datatype] : 1);
  const part = data.slice === undefined ? data : data instanceof Uint8Array ? data.subarray(start * perRow, (start + rows) * perRow) : data.slice(start * perRow, (start + rows) * perRow);
  return { position, datatype, shape: [rows, ...shape.slice(1)], data: bytesOf(part) };
}
