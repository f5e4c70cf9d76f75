/** What an input of a request says of itself, against what the model expects, before any of its data is read. */
import { Failure } from '@batchyard/shared/contract/failure';
import { type Model, type TensorSpec, publicShape } from '@batchyard/shared/contract/model';
import { ELEMENT_BYTES, isDatatype } from '@batchyard/shared/contract/tensor';
import { type InferLimits, shown } from './infer-request.ts';
import type { JsonObject, JsonValue } from './json-reader.ts';
import type { TensorTarget } from './tensor-text.ts';

export type DeclaredInput = TensorTarget & {
  readonly position: number;
  /** Length of the batch axis; 1 for a model without one. */
  readonly rows: number;
};

/** Triton counts elements and bytes in a signed 64-bit integer; a double counts exactly to 2^53. */
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_EXACT = 2n ** 53n - 1n;

const refused = (problem: string, pointer: string): Failure =>
  new Failure('invalid_input', problem, { pointers: [pointer] });

function shapeOf(value: JsonValue | undefined, pointer: string): number[] {
  if (!Array.isArray(value)) throw refused("Unable to parse 'shape': an array is expected", `${pointer}/shape`);
  for (const dim of value) {
    if (typeof dim !== 'number' || !Number.isInteger(dim) || dim < 0) {
      const problem = "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer";
      throw refused(problem, `${pointer}/shape`);
    }
  }
  return value as number[];
}

const MAX_SHOWN_DIMS = 32;
const shownShape = (shape: readonly number[]): string =>
  `[${shape.slice(0, MAX_SHOWN_DIMS).join()}${shape.length > MAX_SHOWN_DIMS ? ',…' : ''}]`;

/** Also catches what a product of doubles would hide: a factor of 0 among absurd dims. */
function checkOverflow(name: string, shape: readonly number[], elementBytes: number): void {
  let total = 1n;
  for (const dim of shape) {
    total *= BigInt(dim || 1);
    if (total > MAX_INT64) break;
  }
  const exceeds = (max: bigint): Failure =>
    refused(
      `shape ${shownShape(shape)} of input '${name}' causes total element count to exceed maximum size of ${max}`,
      '/inputs',
    );
  if (total > MAX_INT64) throw exceeds(MAX_INT64);
  if (total * BigInt(elementBytes || 1) > MAX_INT64) {
    throw refused(`byte size overflow for input '${name}' with shape ${shownShape(shape)}`, '/inputs');
  }
  if (total > MAX_EXACT) throw exceeds(MAX_EXACT);
}

function checkDatatype(model: Model, spec: TensorSpec, datatype: JsonValue | undefined, pointer: string): void {
  if (datatype === spec.datatype) return;
  const at = `${pointer}/datatype`;
  if (typeof datatype !== 'string') throw refused("Unable to parse 'datatype': a string is expected", at);
  if (datatype === 'BF16') throw refused(`input '${spec.name}': datatype BF16 is not supported`, at);
  if (!isDatatype(datatype)) throw refused(`invalid datatype for input '${spec.name}': '${shown(datatype)}'`, at);
  const expects = `but model '${model.name}' expects '${spec.datatype}'`;
  throw refused(`inference input '${spec.name}' data-type is '${datatype}', ${expects}`, at);
}

function checkShape(model: Model, spec: TensorSpec, shape: readonly number[], pointer: string): void {
  const expected = publicShape(model, spec);
  const fits = shape.length === expected.length && expected.every((dim, axis) => dim < 0 || dim === shape[axis]);
  const at = `${pointer}/shape`;
  if (!fits) {
    const shapes = `Expected ${shownShape(expected)}, got ${shownShape(shape)}`;
    throw refused(`unexpected shape for input '${spec.name}' for model '${model.name}'. ${shapes}`, at);
  }
  const rows = model.maxBatchSize > 0 ? shape[0]! : 1;
  if (rows === 0) throw refused(`inference request batch-size must be >= 1 for '${model.name}'`, at);
  if (rows > Math.max(1, model.maxBatchSize)) {
    throw refused(`inference request batch-size must be <= ${model.maxBatchSize} for '${model.name}'`, at);
  }
}

/**
 * @param input its name, datatype and shape
 * @param pointer JSON pointer to the input
 * @throws Failure with Triton's texts where it does not fit the model, too_large where it has too many elements
 */
export function declareInput(model: Model, input: JsonObject, pointer: string, limits: InferLimits): DeclaredInput {
  const { name, datatype } = input;
  if (typeof name !== 'string') throw refused("Unable to parse 'name': every input has a string", `${pointer}/name`);
  const position = model.inputs.findIndex((spec) => spec.name === name);
  const spec = model.inputs[position];
  if (spec === undefined) {
    throw refused(`unexpected inference input '${shown(name)}' for model '${model.name}'`, `${pointer}/name`);
  }
  const shape = shapeOf(input['shape'], pointer);
  let elements = 1;
  let largest = 1;
  for (const dim of shape) {
    elements *= dim;
    largest *= dim || 1;
  }
  if (largest > limits.maxElements) checkOverflow(name, shape, ELEMENT_BYTES[spec.datatype]);
  checkDatatype(model, spec, datatype, pointer);
  checkShape(model, spec, shape, pointer);
  if (largest > limits.maxElements) {
    const problem = `input '${name}' has ${elements} elements, which exceeds the maximum allowed of ${limits.maxElements}`;
    throw new Failure('too_large', problem, { pointers: [`${pointer}/shape`] });
  }
  return { name, datatype: spec.datatype, shape, elements, position, rows: model.maxBatchSize > 0 ? shape[0]! : 1 };
}
