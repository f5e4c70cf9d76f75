/** Datatypes of the protocol ↔ those of onnxruntime-node (int64 is BigInt, float16 is Uint16Array on Node 20). */
import type { Datatype } from '@batchyard/shared/contract/tensor';

const ORT_TYPES: Readonly<Record<Datatype, string>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

const VIEWS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export const ortTypeOf = (datatype: Datatype): string => ORT_TYPES[datatype];

export function datatypeOf(ortType: string): Datatype | undefined {
  return (Object.keys(ORT_TYPES) as Datatype[]).find((datatype) => ORT_TYPES[datatype] === ortType);
}

/** The bytes as the typed array that onnxruntime wants; they must begin at an aligned offset. */
export function typedView(datatype: Datatype, { buffer, byteOffset, byteLength }: Uint8Array) {
  const View = VIEWS[datatype as keyof typeof VIEWS];
  return new View(buffer as ArrayBuffer, byteOffset, byteLength / View.BYTES_PER_ELEMENT);
}
