/** The input of one taken job: its tensor blob, or the OIP JSON body that another tool put into BullMQ's `data`. */
import type { Model, TensorSpec } from '@batchyard/shared/contract/model';
import { LengthError, runShapes } from '@batchyard/shared/contract/run-shapes';
import { decodeTensorBlob, type BlobTensor, type TensorBlob } from '@batchyard/shared/contract/tensor-blob';
import { ELEMENT_BYTES, elementCount, type Datatype } from '@batchyard/shared/contract/tensor';

import { countStrings, writeStrings } from './stack.ts';

export class InputError extends Error {
  readonly code: 'no_input' | 'invalid_input';
  constructor(code: 'no_input' | 'invalid_input', message: string) {
    super(message);
    this.code = code;
  }
}

const WRITERS: Partial<Record<Datatype, (view: DataView, index: number, value: number) => void>> = {
  BOOL: (view, i, value) => view.setUint8(i, value),
  UINT8: (view, i, value) => view.setUint8(i, value),
  UINT16: (view, i, value) => view.setUint16(2 * i, value, true),
  UINT32: (view, i, value) => view.setUint32(4 * i, value, true),
  UINT64: (view, i, value) => view.setBigUint64(8 * i, BigInt(value), true),
  INT8: (view, i, value) => view.setInt8(i, value),
  INT16: (view, i, value) => view.setInt16(2 * i, value, true),
  INT32: (view, i, value) => view.setInt32(4 * i, value, true),
  INT64: (view, i, value) => view.setBigInt64(8 * i, BigInt(value), true),
  FP32: (view, i, value) => view.setFloat32(4 * i, value, true),
  FP64: (view, i, value) => view.setFloat64(8 * i, value, true),
};
const BYTES_OF: Partial<Record<Datatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  INT8: 1,
  UINT16: 2,
  INT16: 2,
  UINT32: 4,
  INT32: 4,
  FP32: 4,
  UINT64: 8,
  INT64: 8,
  FP64: 8,
};

const invalid = (text: string): InputError => new InputError('invalid_input', text);

function numbers(spec: TensorSpec, shape: readonly number[], values: readonly unknown[]): Uint8Array {
  const write = WRITERS[spec.datatype];
  const size = BYTES_OF[spec.datatype];
  if (!write || !size) throw invalid(`input '${spec.name}' of datatype ${spec.datatype} cannot be given as JSON`);
  const data = new Uint8Array(elementCount(shape) * size);
  const view = new DataView(data.buffer);
  values.forEach((value, i) => {
    const number = typeof value === 'boolean' && spec.datatype === 'BOOL' ? Number(value) : value;
    if (
      typeof number !== 'number' ||
      (size !== undefined && !spec.datatype.startsWith('FP') && !Number.isInteger(number))
    ) {
      throw invalid(`input '${spec.name}' has a value that is not a ${spec.datatype}`);
    }
    write(view, i, number);
  });
  return data;
}

function tensorOf(model: Model, position: number, input: Record<string, unknown>): BlobTensor {
  const spec = model.inputs[position] as TensorSpec;
  const shape = input['shape'] as number[];
  const values = Array.isArray(input['data']) ? (input['data'] as unknown[]).flat(16) : [];
  if (!Array.isArray(shape) || !shape.every((dim) => Number.isInteger(dim) && dim > 0))
    throw invalid(`input '${spec.name}' has a wrong shape`);
  const own = model.maxBatchSize > 0 ? shape.slice(1) : shape;
  const fits = own.length === spec.shape.length && spec.shape.every((dim, axis) => dim === -1 || dim === own[axis]);
  if (!fits || input['datatype'] !== spec.datatype || values.length !== elementCount(shape)) {
    throw invalid(`input '${spec.name}' does not fit the model`);
  }
  if (spec.datatype !== 'BYTES')
    return { position, datatype: spec.datatype, shape, data: numbers(spec, shape, values) };
  if (!values.every((value) => typeof value === 'string'))
    throw invalid(`input '${spec.name}' has a value that is not a string`);
  return { position, datatype: 'BYTES', shape, data: writeStrings(values) };
}

function parseData(model: Model, data: string): TensorBlob {
  let body: unknown;
  try {
    body = JSON.parse(data);
  } catch {
    throw new InputError('no_input', 'the job carries no input');
  }
  const inputs = (body as { inputs?: unknown } | null)?.inputs;
  if (!Array.isArray(inputs)) throw new InputError('no_input', 'the job carries no input');
  const tensors = model.inputs.map((spec, position) => {
    const input = (inputs as unknown[]).find((one) => (one as { name?: unknown } | null)?.name === spec.name);
    if (input === undefined) throw invalid(`input '${spec.name}' is missing`);
    return tensorOf(model, position, input as Record<string, unknown>);
  });
  return { tensors, requested: [] };
}

/** Lengths that no bucket takes are told here, before the job could spoil a batch. */
function checkLengths(model: Model, blob: TensorBlob): TensorBlob {
  try {
    runShapes(model, blob.tensors);
    return blob;
  } catch (error) {
    throw invalid(error instanceof LengthError ? error.message : 'the input cannot be read');
  }
}

/** Bytes that do not fill their shape would shift the rows of the batch mates. */
function fills(model: Model, { position, datatype, shape, data }: BlobTensor): boolean {
  if (datatype !== model.inputs[position]?.datatype) return false;
  return datatype === 'BYTES'
    ? countStrings(data) === elementCount(shape)
    : data.byteLength === elementCount(shape) * ELEMENT_BYTES[datatype];
}

/** @throws InputError */
export function readJobInput(
  model: Model,
  job: { readonly input: Buffer | undefined; readonly data: string | undefined },
): TensorBlob {
  if (job.input === undefined) return checkLengths(model, parseData(model, job.data ?? ''));
  let blob: TensorBlob;
  try {
    blob = decodeTensorBlob(job.input);
  } catch {
    throw new InputError('no_input', "the job's input cannot be read");
  }
  if (!blob.tensors.every((tensor) => fills(model, tensor)))
    throw new InputError('no_input', "the job's input does not fill its shape");
  return checkLengths(model, blob);
}

/** Rows of an input, by its batch axis. */
export const rowsOf = (model: Model, blob: TensorBlob): number =>
  model.maxBatchSize > 0 ? (blob.tensors[0]?.shape[0] ?? 1) : 1;
