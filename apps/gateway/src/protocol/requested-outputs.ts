/** The `outputs` of a request against the outputs of its model. */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model, TensorSpec } from '@batchyard/shared/contract/model';
import { type RequestedOutput, shown } from './infer-request.ts';
import { type JsonObject, type JsonValue, isObject } from './json-reader.ts';
import { flagOf, parametersOf } from './request-parameters.ts';

function classificationOf(parameters: JsonObject, spec: TensorSpec): number | undefined {
  const count = parameters['classification'];
  if (count === undefined) return undefined;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1) {
    throw new Failure('bad_request', "Unable to set 'classification': a positive integer is expected");
  }
  if (spec.datatype === 'BOOL' || spec.datatype === 'BYTES' || spec.datatype === 'FP16') {
    const problem = `class result not available for output '${spec.name}' due to unsupported type '${spec.datatype}'`;
    throw new Failure('invalid_input', problem);
  }
  return count;
}

/** Answers `output` as JSON or binary. @throws Failure where JSON cannot carry its datatype */
function answered(spec: TensorSpec, output: RequestedOutput): RequestedOutput {
  if (spec.datatype !== 'FP16' || output.binary) return output;
  const advice = `Please use the binary data format for output ${spec.name}`;
  throw new Failure('invalid_input', `sending FP16 data via JSON is not supported. ${advice}`);
}

function requestedOutput(model: Model, value: JsonValue, pointer: string, binaryDefault: boolean): RequestedOutput {
  if (!isObject(value))
    throw new Failure('bad_request', "Unable to parse 'outputs': objects are expected", { pointers: [pointer] });
  const { name } = value;
  if (typeof name !== 'string') {
    throw new Failure('bad_request', "Unable to parse 'name': every output has a string", {
      pointers: [`${pointer}/name`],
    });
  }
  const position = model.outputs.findIndex((output) => output.name === name);
  const spec = model.outputs[position];
  if (spec === undefined) {
    const problem = `unexpected inference output '${shown(name)}' for model '${model.name}'`;
    throw new Failure('invalid_input', problem, { pointers: [`${pointer}/name`] });
  }
  const parameters = parametersOf(value, pointer);
  if (parameters['shared_memory_region'] !== undefined) {
    throw new Failure('bad_request', `output '${spec.name}': shared memory is not supported`, { pointers: [pointer] });
  }
  const binary = flagOf(parameters, 'binary_data') ?? binaryDefault;
  const classification = classificationOf(parameters, spec);
  return answered(spec, { position, binary, ...(classification === undefined ? {} : { classification }) });
}

/**
 * @param value the `outputs` of the request; undefined or empty = all outputs of the model
 * @param binaryDefault what an output gets that does not say `binary_data` itself
 */
export function requestedOutputs(
  model: Model,
  value: JsonValue | undefined,
  binaryDefault: boolean,
): RequestedOutput[] {
  if (value !== undefined && !Array.isArray(value)) {
    throw new Failure('bad_request', "Unable to parse 'outputs': an array is expected", { pointers: ['/outputs'] });
  }
  if (value === undefined || value.length === 0) {
    return model.outputs.map((spec, position) => answered(spec, { position, binary: binaryDefault }));
  }
  const outputs: RequestedOutput[] = [];
  for (const [index, item] of value.entries()) {
    const output = requestedOutput(model, item, `/outputs/${index}`, binaryDefault);
    if (outputs.some(({ position }) => position === output.position)) {
      const problem = `output '${model.outputs[output.position]!.name}' already exists in request`;
      throw new Failure('invalid_input', problem, { pointers: [`/outputs/${index}/name`] });
    }
    outputs.push(output);
  }
  return outputs;
}
