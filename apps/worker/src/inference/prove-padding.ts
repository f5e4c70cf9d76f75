/**
 * A declaration that padding is safe is tried once at load: rows that run padded and cropped must give what they give
 * alone. It finds the plain mistakes (a mean over the axis, a wrong pad value or crop), not every one.
 */
import type { Model } from '@batchyard/shared/contract/model';
import { ownLengths } from '@batchyard/shared/contract/run-shapes';
import type { Datatype } from '@batchyard/shared/contract/tensor';
import type { TensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { readStrings, split, stack, writeStrings } from '../batching/stack.ts';
import type { Session } from './open-session.ts';
import type { FileTensor, ThreadTensor } from './thread-message.ts';
import { sample } from './warm-up.ts';

/** The session with its bucketed axes fixed, by default to the smallest bucket: what a trial or a measurement runs. */
export function atBuckets(
  session: Session,
  model: Model,
  lengthOf: (sizes: readonly number[]) => number = ([smallest = 1]) => smallest,
): Session {
  const batchAxes = model.maxBatchSize > 0 ? 1 : 0;
  const inputs = session.inputs.map((tensor, position): FileTensor => {
    const dims = [...tensor.dims];
    for (const { sizes, inputs: axes } of model.lengths ?? [])
      for (const one of axes) if (one.position === position) dims[one.axis + batchAxes] = lengthOf(sizes);
    return { ...tensor, dims };
  });
  return { ...session, inputs };
}

const toBlob = (tensors: readonly ThreadTensor[]): TensorBlob => ({
  tensors: tensors.map(({ datatype, shape, data }, position) => ({
    position,
    datatype,
    shape,
    data: data instanceof Uint8Array ? data.slice() : writeStrings(data),
  })),
  requested: [],
});

function halfValue(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const READERS: Partial<Record<Datatype, { readonly bytes: number; read(view: DataView, at: number): number }>> = {
  FP16: { bytes: 2, read: (view, at) => halfValue(view.getUint16(at, true)) },
  FP32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  FP64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

/** Another length may take another way through a kernel, and so round differently. */
const TOLERANCE: Partial<Record<Datatype, number>> = { FP16: 2e-2, FP32: 1e-3, FP64: 1e-6 };

function agrees(datatype: Datatype, a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  if (datatype === 'BYTES') return readStrings(a).join('\0') === readStrings(b).join('\0');
  const reader = READERS[datatype];
  if (!reader) return Buffer.from(a).equals(b);
  const values = (data: Uint8Array): number[] => {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Array.from({ length: data.byteLength / reader.bytes }, (_, i) => reader.read(view, i * reader.bytes));
  };
  const [expected, found] = [values(a), values(b)];
  const largest = expected.reduce(
    (most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most),
    0,
  );
  const limit = largest * (TOLERANCE[datatype] ?? 0);
  return expected.every(
    (value, i) => Object.is(value, found[i]) || Math.abs(value - (found[i] ?? Number.NaN)) <= limit,
  );
}

async function runBlob(session: Session, model: Model, blob: TensorBlob, padded: boolean): Promise<TensorBlob> {
  const { lengths: _, ...plain } = model;
  const stacked = stack([blob], padded ? model : plain, (bytes) => new Uint8Array(new ArrayBuffer(bytes)));
  const inputs = stacked.map(({ position, ...tensor }) => ({ name: model.inputs[position]?.name ?? '', ...tensor }));
  const { outputs } = await session.run(inputs);
  const share = { rows: 1, requested: [], lengths: padded ? ownLengths(model, blob.tensors) : [] };
  const placed = outputs.map(({ name, ...output }) => ({
    position: model.outputs.findIndex((spec) => spec.name === name),
    ...output,
  }));
  const [own] = split(placed, [share], padded ? model : plain);
  return own ?? { tensors: [], requested: [] };
}

const FILLS = [(i: number) => 1 + (i % 3), (i: number) => -1 - (i % 3)];

/** @throws Error with a sentence that names the fix */
export async function provePadding(session: Session, model: Model): Promise<void> {
  if (model.lengths === undefined) return;
  const half = (sizes: readonly number[]): number => Math.ceil((sizes.find((size) => size > 1) ?? 1) / 2);
  const rows = model.maxBatchSize > 0 ? 1 : undefined;
  const trial = atBuckets(session, model, half);
  const fix = 'remove batchyard.buckets, or correct batchyard.pad_value, batchyard.crop or the model';
  for (const fill of FILLS) {
    const blob = toBlob(trial.inputs.map((tensor) => sample(tensor, rows, fill)));
    const alone = await runBlob(session, model, blob, false).catch(() => undefined);
    // A model that does not take made-up values cannot be tried.
    if (alone === undefined) continue;
    const padded = await runBlob(session, model, blob, true).catch((error: unknown) => {
      throw new Error(`batchyard.padding says safe, but a padded trial row cannot be run and cropped: ${fix}`, {
        cause: error,
      });
    });
    alone.tensors.forEach(({ datatype, shape, data }, i) => {
      const other = padded.tensors[i];
      const same = other !== undefined && other.shape.join() === shape.join() && agrees(datatype, data, other.data);
      if (same) return;
      const name = model.outputs[i]?.name ?? '';
      throw new Error(`batchyard.padding says safe, but padding a trial row gives another ${name}: ${fix}`);
    });
  }
}
