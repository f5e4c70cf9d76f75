/** A tensor in a few figures, for people who look into a job: its values themselves are never shown. Pure. */
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';
import { elementCount, type Datatype } from '@batchyard/shared/contract/tensor';

export type TensorSummary = {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly elements: number;
  /** Of the numbers that are finite, among those that were looked at; null where there are none. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** NaN and infinities among them. */
  readonly not_finite: number;
  /** True where only the first elements were looked at. */
  readonly sampled: boolean;
};

/** Elements looked at: a tensor of 64 MiB must not hold the event loop. */
const LOOKED_AT = 262_144;

type Read = (view: DataView, at: number) => number;
const READERS: Readonly<Record<Exclude<Datatype, 'BYTES'>, readonly [number, Read]>> = {
  BOOL: [1, (view, at) => view.getUint8(at)],
  UINT8: [1, (view, at) => view.getUint8(at)],
  UINT16: [2, (view, at) => view.getUint16(at, true)],
  UINT32: [4, (view, at) => view.getUint32(at, true)],
  UINT64: [8, (view, at) => Number(view.getBigUint64(at, true))],
  INT8: [1, (view, at) => view.getInt8(at)],
  INT16: [2, (view, at) => view.getInt16(at, true)],
  INT32: [4, (view, at) => view.getInt32(at, true)],
  INT64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  FP16: [2, (view, at) => half(view.getUint16(at, true))],
  FP32: [4, (view, at) => view.getFloat32(at, true)],
  FP64: [8, (view, at) => view.getFloat64(at, true)],
};

/** IEEE 754 binary16. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function summariseTensor(name: string, { datatype, shape, data }: BlobTensor): TensorSummary {
  const elements = elementCount(shape);
  const head = { name, datatype, shape, bytes: data.byteLength, elements };
  const nothing = { min: null, max: null, mean: null, not_finite: 0 };
  if (datatype === 'BYTES') return { ...head, ...nothing, sampled: false };
  const [size, read] = READERS[datatype];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const looked = Math.min(LOOKED_AT, Math.floor(data.byteLength / size));
  let [min, max, sum, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let i = 0; i < looked; i += 1) {
    const value = read(view, i * size);
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    finite += 1;
  }
  const figures = finite === 0 ? nothing : { min, max, mean: sum / finite };
  return { ...head, ...figures, not_finite: looked - finite, sampled: looked < elements };
}
