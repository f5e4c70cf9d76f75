/**
 * Rows of several jobs ↔ one batch. Invariant: row i of the batch belongs to the job whose rows cover i, in the order
 * of the jobs, on the way in and on the way out.
 */
import type { Model } from '@batchyard/shared/contract/model';
import { runShapes } from '@batchyard/shared/contract/run-shapes';
import { ELEMENT_BYTES, elementCount, type Datatype } from '@batchyard/shared/contract/tensor';
import type { BlobTensor, TensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { eachRun, fillWith, padElement, sameShape } from './pad.ts';

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

type Stackable = Pick<Model, 'name' | 'maxBatchSize' | 'inputs' | 'lengths'>;

/** The strings of one job, with padding around them where they run in a larger shape. */
function paddedStrings({ data, shape }: BlobTensor, padded: readonly number[], pad: string): readonly string[] {
  const own = readStrings(data);
  if (sameShape(shape, padded)) return own;
  const all = new Array<string>(elementCount(padded)).fill(pad);
  eachRun(shape, padded, (from, to, length) => {
    for (let i = 0; i < length; i += 1) all[to + i] = own[from + i] ?? pad;
  });
  return all;
}

/** Copies one job's rows to where they run; what lay in the slab before is overwritten by the padding. */
function place(
  target: Uint8Array,
  { datatype, data, shape }: BlobTensor,
  padded: readonly number[],
  pad: string,
): void {
  if (datatype === 'BYTES' || sameShape(shape, padded)) return target.set(data);
  fillWith(target, padElement(datatype, pad) ?? new Uint8Array(ELEMENT_BYTES[datatype]));
  const size = ELEMENT_BYTES[datatype];
  eachRun(shape, padded, (from, to, length) =>
    target.set(data.subarray(from * size, (from + length) * size), to * size),
  );
}

/**
 * Copies each job's rows once, into memory from `acquire`, padded to the shape in which their group runs.
 * @param blobs of one group: equal in that shape except for the number of rows; one job where there is no batch axis
 */
export function stack(
  blobs: readonly TensorBlob[],
  model: Stackable,
  acquire: (bytes: number) => Uint8Array,
): StackedTensor[] {
  const [first] = blobs;
  if (!first) return [];
  const run = blobs.map(({ tensors }) => runShapes(model, tensors));
  return first.tensors.map(({ position, datatype }, i) => {
    const shapes = run.map((own) => own[i] ?? []);
    const [row = []] = shapes;
    const rows = shapes.reduce((sum, own) => sum + (own[0] ?? 0), 0);
    const shape = model.maxBatchSize > 0 ? [rows, ...row.slice(1)] : row;
    const own = model.inputs[position]?.pad;
    const each = <T>(visit: (part: BlobTensor, padded: readonly number[]) => T): T[] =>
      blobs.map((blob, job) => visit(blob.tensors[i] as BlobTensor, shapes[job] ?? []));
    if (datatype === 'BYTES') {
      return { position, datatype, shape, data: each((part, padded) => paddedStrings(part, padded, own ?? '')).flat() };
    }
    const data = acquire(elementCount(shape) * ELEMENT_BYTES[datatype]);
    let at = 0;
    each((part, padded) => {
      const end = at + elementCount(padded) * ELEMENT_BYTES[datatype];
      place(data.subarray(at, end), part, padded, own ?? '0');
      at = end;
    });
    return { position, datatype, shape, data };
  });
}

export type Share = {
  readonly rows: number;
  readonly requested: readonly number[];
  /** Of each of the model's bucketed lengths what this job had; undefined = not cropped. */
  readonly lengths?: readonly (number | undefined)[];
};

/** Views on the outputs, cropped to what the job had; a blob for each job with the outputs it asked for. */
export function split(
  outputs: readonly StackedTensor[],
  shares: readonly Share[],
  model: Pick<Model, 'maxBatchSize' | 'lengths'>,
): TensorBlob[] {
  const batched = model.maxBatchSize > 0;
  let start = 0;
  return shares.map(({ rows, requested, lengths = [] }) => {
    const asked =
      requested.length === 0
        ? outputs
        : requested.flatMap((position) => outputs.find((one) => one.position === position) ?? []);
    const from = start;
    start += rows;
    return {
      tensors: asked.map((output) => {
        const whole = batched ? cut(output, from, rows) : output;
        const shape = [...whole.shape];
        model.lengths?.forEach((known, i) => {
          for (const { position, axis } of known.outputs) {
            if (position === output.position)
              shape[axis + Number(batched)] = lengths[i] ?? shape[axis + Number(batched)] ?? 0;
          }
        });
        return blobOf(crop(whole, shape));
      }),
      requested: [],
    };
  });
}

function cut({ position, datatype, shape, data }: StackedTensor, start: number, rows: number): StackedTensor {
  const elements = elementCount(shape.slice(1));
  const own = [rows, ...shape.slice(1)];
  if (!(data instanceof Uint8Array))
    return { position, datatype, shape: own, data: data.slice(start * elements, (start + rows) * elements) };
  const perRow = elements * ELEMENT_BYTES[datatype];
  return { position, datatype, shape: own, data: data.subarray(start * perRow, (start + rows) * perRow) };
}

/** @throws Error where the model gave less than is to be left of it */
function crop(whole: StackedTensor, shape: readonly number[]): StackedTensor {
  const { position, datatype, data } = whole;
  if (sameShape(shape, whole.shape)) return whole;
  if (shape.some((dim, axis) => dim > (whole.shape[axis] ?? 0)))
    throw new Error('an output is shorter than the padded input whose length it should have');
  if (!(data instanceof Uint8Array)) {
    const strings: string[] = [];
    eachRun(shape, whole.shape, (_, from, length) => strings.push(...data.slice(from, from + length)));
    return { position, datatype, shape, data: strings };
  }
  const size = ELEMENT_BYTES[datatype];
  const pieces: Uint8Array[] = [];
  eachRun(shape, whole.shape, (_, from, length) => pieces.push(data.subarray(from * size, (from + length) * size)));
  const [only] = pieces;
  return { position, datatype, shape, data: pieces.length === 1 && only ? only : Buffer.concat(pieces) };
}

const blobOf = ({ data, ...tensor }: StackedTensor): BlobTensor => ({
  ...tensor,
  data: data instanceof Uint8Array ? data : writeStrings(data),
});
