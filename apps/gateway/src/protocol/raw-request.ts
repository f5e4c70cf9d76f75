/** A raw request: its body is the bytes of the model's only input, whose shape follows from their number. */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model, TensorSpec } from '@batchyard/shared/contract/model';
import { ELEMENT_BYTES } from '@batchyard/shared/contract/tensor';
import { checkBinary } from './binary-data.ts';
import { type DeclaredInput, declareInput } from './declared-input.ts';
import type { InferLimits } from './infer-request.ts';
import type { JsonObject } from './json-reader.ts';

const refused = (problem: string): Failure => new Failure('invalid_input', problem);

function lengthPrefixed(body: Buffer): Buffer {
  const element = Buffer.allocUnsafe(4 + body.length);
  element.writeUInt32LE(body.length, 0);
  body.copy(element, 4);
  return element;
}

/** @returns the shape of one row with its variable axis, if any, filled in */
function deducedShape(model: Model, spec: TensorSpec, body: Buffer): number[] {
  if (spec.shape.filter((dim) => dim < 0).length > 1) {
    const why = 'because there are more than one variable-sized dimension';
    throw refused(`The shape of the raw input '${spec.name}' can not be deduced ${why}`);
  }
  if (spec.datatype === 'BYTES') {
    if (spec.shape.every((dim) => dim === 1)) return spec.shape;
    throw refused(`For BYTE datatype raw input '${spec.name}', the model must have input shape [1]`);
  }
  let bytes = ELEMENT_BYTES[spec.datatype];
  for (const dim of spec.shape) if (dim >= 0) bytes *= dim;
  const free = bytes === 0 ? 0 : body.length / bytes;
  if (spec.shape.includes(-1) && !Number.isInteger(free)) {
    const problem = `input byte size mismatch for input '${spec.name}' for model '${model.name}'`;
    throw refused(`${problem}. Expected a multiple of ${bytes}, got ${body.length}`);
  }
  return spec.shape.map((dim) => (dim < 0 ? free : dim));
}

/**
 * @param body the tensor's bytes; for BYTES its only element, without a length before it
 * @throws Failure invalid_input where the shape cannot be deduced or the bytes do not fit it
 */
export function rawInput(model: Model, body: Buffer, limits: InferLimits): { input: DeclaredInput; data: Uint8Array } {
  const spec = model.inputs[0];
  if (spec === undefined || model.inputs.length > 1) {
    const got = `but got ${model.inputs.length} inputs in '${model.name}' model configuration`;
    throw refused(`Raw request must only have 1 input (found 1) to be deduced ${got}`);
  }
  const row = deducedShape(model, spec, body);
  const shape = model.maxBatchSize > 0 ? [1, ...row] : row;
  const described: JsonObject = { name: spec.name, datatype: spec.datatype, shape };
  const input = declareInput(model, described, '', limits);
  const data = spec.datatype === 'BYTES' ? lengthPrefixed(body) : body;
  checkBinary(model, input, data);
  return { input, data };
}
