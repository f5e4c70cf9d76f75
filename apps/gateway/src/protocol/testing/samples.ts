/** Models and bodies for the tests of the codec. */
import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';
import type { Model, TensorSpec } from '@batchyard/shared/contract/model';
import type { Datatype } from '@batchyard/shared/contract/tensor';
import { DEFAULT_LIMITS, type InferRequest } from '../infer-request.ts';
import { parseInferRequest } from '../parse-infer.ts';

export const modelOf = (changes: Partial<Model>): Model => ({
  name: 'M',
  version: '1',
  platform: 'onnxruntime_onnx',
  maxBatchSize: 8,
  inputs: [],
  outputs: [],
  signature: '0123456789abcdef',
  nan: 'pass',
  ...changes,
});

const spec = (name: string, datatype: Datatype, shape: number[]): TensorSpec => ({ name, datatype, shape });

/** What Triton's examples call `simple`. */
export const SIMPLE = modelOf({
  name: 'simple',
  inputs: [spec('INPUT0', 'INT32', [16]), spec('INPUT1', 'INT32', [16])],
  outputs: [spec('OUTPUT0', 'INT32', [16]), spec('OUTPUT1', 'INT32', [16])],
});

/** One input and one output of the same name, so that a response reads as a request. */
export const identity = (datatype: Datatype, shape: number[] = [-1], changes: Partial<Model> = {}): Model =>
  modelOf({ inputs: [spec('X', datatype, shape)], outputs: [spec('X', datatype, shape)], ...changes });

export type JsonTensor = Record<string, unknown>;

export const tensorOf = (datatype: string, shape: unknown, data: unknown, more: JsonTensor = {}): JsonTensor => ({
  name: 'X',
  datatype,
  shape,
  data,
  ...more,
});

export const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
export const simpleInput = (name: string, rows = 1): JsonTensor => ({
  name,
  datatype: 'INT32',
  shape: [rows, 16],
  data: ones(16 * rows),
});

export const parseText = (model: Model, text: string): InferRequest =>
  parseInferRequest(model, Buffer.from(text), undefined);
export const parseBody = (model: Model, body: unknown): InferRequest => parseText(model, JSON.stringify(body));
/** A body of one input. */
export const parseOne = (model: Model, input: unknown): InferRequest => parseBody(model, { inputs: [input] });

/** JSON with bytes behind it, and the header that says where it ends. */
export function parseBinary(model: Model, json: unknown, tail: Uint8Array, header?: string): InferRequest {
  const head = Buffer.from(JSON.stringify(json));
  return parseInferRequest(model, Buffer.concat([head, tail]), header ?? String(head.length), DEFAULT_LIMITS);
}

function failureOf(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Fails unless the run is refused with a short message, by the text (whole, or a part) and the status. */
export function refused(run: () => unknown, text: RegExp | string, code?: FailureCode): void {
  const { code: found, kind, message } = failureOf(run);
  const matches = typeof text === 'string' ? message === text : text.test(message);
  const status = code === 'too_large' ? 413 : 400;
  if (matches && kind.status === status && (code ?? found) === found && message.length < 2000) return;
  throw new Error(`${found} (${kind.status}): ${message}\nwas to be: ${code ?? status}: ${String(text)}`);
}

export const bytesOf = (request: InferRequest, position = 0): Buffer =>
  Buffer.from(request.inputs.find((input) => input.position === position)?.data ?? []);
