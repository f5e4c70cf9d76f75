/** A model of whole numbers, and jobs for it, for the tests of the worker's stories. */
import type { TakenJob } from '@batchyard/queue/operations';
import type { Model } from '@batchyard/shared/contract/model';
import { decodeTensorBlob, encodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

/** One input and one output, rows of any width. */
export const MODEL: Model = {
  name: 'm',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [{ name: 'X', datatype: 'INT32', shape: [-1] }],
  outputs: [{ name: 'Y', datatype: 'INT32', shape: [-1] }],
  signature: '0123456789abcdef',
  nan: 'pass',
};
export const QUEUE = 'm@1';

export const bytesOf = (values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
export const valuesOf = (data: Uint8Array): number[] => [...new Int32Array(Uint8Array.from(data).buffer)];
/** The numbers of a blob's first tensor. */
export const valuesIn = (blob: Uint8Array): number[] =>
  valuesOf(decodeTensorBlob(blob).tensors[0]?.data ?? new Uint8Array());

export const inputOf = (shape: readonly number[], values: readonly number[]): Buffer =>
  encodeTensorBlob({ tensors: [{ position: 0, datatype: 'INT32', shape, data: bytesOf(values) }], requested: [] });

/** A job of as many rows as values, each one wide. */
export const jobOf = (id: string, values: readonly number[] = [1], changes: Partial<TakenJob> = {}): TakenJob => ({
  id,
  kind: 'attached',
  priority: 'normal',
  deadlineMs: 60_000,
  queuedMs: 0,
  rows: values.length,
  group: '-',
  signature: MODEL.signature,
  deaths: 0,
  input: inputOf([values.length, 1], values),
  data: undefined,
  ...changes,
});

export function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve: (value) => resolve(value) };
}
