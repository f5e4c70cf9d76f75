/**
 * The body of an inference request (Open Inference Protocol v2, with Triton's binary tensor data and raw requests) to
 * tensors that fit the model. https://github.com/kserve/open-inference-protocol, and Triton's protocol extensions.
 *
 * Invariants: whatever the bytes, the result is a request that a worker can run or a Failure that says why not; memory
 * is allocated for what is in the body, never for what its shapes promise; binary inputs are views of the body.
 */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model } from '@batchyard/shared/contract/model';
import { LengthError, runShapes } from '@batchyard/shared/contract/run-shapes';
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';
import { checkBinary } from './binary-data.ts';
import { jsonLength } from './content-length.ts';
import type { DeclaredInput } from './declared-input.ts';
import { DEFAULT_LIMITS, type InferLimits, type InferRequest } from './infer-request.ts';
import type { JsonValue } from './json-reader.ts';
import { rawInput } from './raw-request.ts';
import { type ReadInput, readRequestJson } from './request-json.ts';
import { flagOf, parametersOf, requestParameters } from './request-parameters.ts';
import { requestedOutputs } from './requested-outputs.ts';

export type FilledInput = { readonly declared: DeclaredInput; readonly data: Uint8Array };

const MAX_ID = 64;

/** Takes the bytes of the flagged inputs from behind the JSON, in the order of the request. */
function fillFromTail(model: Model, inputs: readonly ReadInput[], tail: Buffer): FilledInput[] {
  let at = 0;
  const filled = inputs.map(({ declared, data, binaryBytes }) => {
    if (data !== undefined || binaryBytes === undefined) return { declared, data: data ?? tail.subarray(0, 0) };
    const missing = at + binaryBytes - tail.length;
    if (missing > 0) {
      const problem = `unexpected size for input '${declared.name}', expecting ${missing} additional bytes`;
      throw new Failure('invalid_input', `${problem} for model '${model.name}'`);
    }
    const bytes = tail.subarray(at, at + binaryBytes);
    at += binaryBytes;
    checkBinary(model, declared, bytes);
    return { declared, data: bytes };
  });
  if (at < tail.length)
    throw new Failure('invalid_input', `unexpected additional input data for model '${model.name}'`);
  return filled;
}

/** Every input once, none that must be there missing, one batch size. @returns that batch size */
function checkTogether(model: Model, inputs: readonly DeclaredInput[]): number {
  const names = inputs.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Failure('invalid_input', `input '${twice}' already exists in request`);
  const missing = model.inputs.filter((spec) => spec.optional !== true && !names.includes(spec.name));
  if (missing.length > 0) {
    const required = model.inputs.filter((spec) => spec.optional !== true).length;
    const all = model.inputs.length;
    const expected =
      required === all ? `expected ${all} inputs` : `expected number of inputs between ${required} and ${all}`;
    const list = (found: readonly string[]): string => `[${found.map((name) => `'${name}'`).join(', ')}]`;
    const absent = `missing required input(s) ${list(missing.map(({ name }) => name))}`;
    const counts = `${expected} but got ${names.length} inputs for model '${model.name}'`;
    throw new Failure('invalid_input', `${counts}. Got input(s) ${list(names)}, but ${absent}`, {
      pointers: ['/inputs'],
    });
  }
  const rows = inputs[0]?.rows ?? 1;
  const other = inputs.find((input) => input.rows !== rows);
  if (other === undefined) return rows;
  const problem = `input '${other.name}' batch size does not match other inputs for '${model.name}'`;
  throw new Failure('invalid_input', problem, { pointers: ['/inputs'] });
}

/** Of each input the lengths of its variable axes as they run, `~` where it is absent; `-` when nothing varies. */
function groupOf(model: Model, inputs: readonly (readonly number[] | undefined)[]): string {
  const batchAxes = model.maxBatchSize > 0 ? 1 : 0;
  let varies = false;
  const parts = model.inputs.map((spec, position) => {
    const shape = inputs[position];
    if (shape === undefined) {
      varies = true;
      return '~';
    }
    const lengths = shape.filter((_, axis) => (spec.shape[axis - batchAxes] ?? 0) < 0);
    varies ||= lengths.length > 0;
    return lengths.join('x');
  });
  return varies ? parts.join(',') : '-';
}

/** @throws Failure where a length is beyond the model's buckets */
function shapesOf(model: Model, inputs: readonly BlobTensor[]): (readonly number[])[] {
  try {
    return runShapes(model, inputs);
  } catch (error) {
    if (error instanceof LengthError) throw new Failure('invalid_input', error.message, { pointers: ['/inputs'] });
    throw error;
  }
}

/** The inputs of a request, each checked alone, together: all of them there, one batch size, one shape group. */
export function assemble(
  model: Model,
  filled: readonly FilledInput[],
): Pick<InferRequest, 'rows' | 'group' | 'inputs'> {
  const rows = checkTogether(
    model,
    filled.map(({ declared }) => declared),
  );
  const ordered = filled.toSorted((a, b) => a.declared.position - b.declared.position);
  const inputs: BlobTensor[] = ordered.map(({ declared, data }) => {
    const { position, datatype, shape } = declared;
    return { position, datatype, shape, data };
  });
  const byPosition: (readonly number[])[] = [];
  shapesOf(model, inputs).forEach((shape, i) => (byPosition[inputs[i]?.position ?? 0] = shape));
  return { rows, group: groupOf(model, byPosition), inputs };
}

/** @throws Failure bad_request for what is no id */
export function idOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.length <= 2 * MAX_ID && Array.from(value).length <= MAX_ID) return value;
  throw new Failure('bad_request', `Unable to parse 'id': a string of at most ${MAX_ID} characters is expected`, {
    pointers: ['/id'],
  });
}

/**
 * @param headerLength `Inference-Header-Content-Length`; undefined = the body is all JSON, `0` = a raw request
 * @throws Failure bad_request (not the protocol), invalid_input (not this model), too_large (beyond the limits)
 */
export function parseInferRequest(
  model: Model,
  body: Buffer,
  headerLength: string | undefined,
  limits: InferLimits = DEFAULT_LIMITS,
): InferRequest {
  const length = jsonLength(headerLength, body.length);
  if (length === 0 && headerLength !== undefined) {
    const { input, data } = rawInput(model, body, limits);
    return {
      id: undefined,
      ...assemble(model, [{ declared: input, data }]),
      outputs: requestedOutputs(model, undefined, true),
      all: true,
      parameters: { priority: undefined, timeoutMs: undefined },
    };
  }
  const { inputs, members } = readRequestJson(body.subarray(0, length), model, limits);
  const parameters = parametersOf(members, '');
  const filled = fillFromTail(model, inputs, body.subarray(length));
  const { outputs } = members;
  return {
    id: idOf(members['id']),
    ...assemble(model, filled),
    outputs: requestedOutputs(model, outputs, flagOf(parameters, 'binary_data_output') ?? false),
    all: outputs === undefined || (Array.isArray(outputs) && outputs.length === 0),
    parameters: requestParameters(parameters, model.queueing?.priority_levels ?? 0),
  };
}
