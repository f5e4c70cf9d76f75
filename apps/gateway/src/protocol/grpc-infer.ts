/**
 * An inference over gRPC to tensors that fit the model, and a result to its answer. The same checks and texts as over
 * HTTP, and Triton's own where its gRPC has others. Raw inputs stay views of the message.
 */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model } from '@batchyard/shared/contract/model';
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';

import { checkBinary } from './binary-data.ts';
import { declareInput } from './declared-input.ts';
import { rawContents } from './grpc-contents.ts';
import type { GrpcInferRequest, GrpcInferResponse, GrpcInput, GrpcParameters } from './grpc-messages.ts';
import { DEFAULT_LIMITS, type InferLimits, type InferRequest } from './infer-request.ts';
import type { JsonObject, JsonValue } from './json-reader.ts';
import { assemble, idOf, type FilledInput } from './parse-infer.ts';
import { requestParameters } from './request-parameters.ts';
import { requestedOutputs } from './requested-outputs.ts';

/** Asked of decoupled models, which there are none of here: every answer is the last one. */
const EMPTY_FINAL = 'triton_enable_empty_final_response';
const FINAL = 'triton_final_response';

/** What HTTP has as members of a JSON object. An integer beyond 2^53 stays text, which no parameter takes for a number. */
export function plainParameters(parameters: GrpcParameters): JsonObject {
  const plain = Object.create(null) as JsonObject;
  for (const [key, value] of Object.entries(parameters)) {
    const given = value[(value.parameter_choice ?? '') as 'int64_param'] as JsonValue | undefined;
    const isWide = value.parameter_choice === 'int64_param' || value.parameter_choice === 'uint64_param';
    if (given !== undefined) plain[key] = isWide && Number.isSafeInteger(Number(given)) ? Number(given) : given;
  }
  return plain;
}

type Reading = { readonly model: Model; readonly request: GrpcInferRequest; readonly limits: InferLimits };

function dataOf({ model, request }: Reading, input: GrpcInput, index: number): Buffer | undefined {
  const where = `'${input.name}' for model '${model.name}'`;
  if ('shared_memory_region' in input.parameters) {
    throw new Failure('bad_request', `input ${where}: shared memory is not supported: send the data itself`);
  }
  const { raw_input_contents: raw } = request;
  if (raw.length === 0 && input.contents) return undefined;
  if (input.contents) {
    throw new Failure('bad_request', `contents field must not be specified when using raw_input_contents for ${where}`);
  }
  const data = raw[index];
  if (data) return data;
  throw new Failure('invalid_input', `unable to find data for input tensor ${where} in request.`);
}

function readInput(reading: Reading, input: GrpcInput, index: number): FilledInput {
  const { model, limits } = reading;
  const { name, datatype } = input;
  const described: JsonObject = { name, datatype, shape: input.shape.map(Number) };
  const declared = declareInput(model, described, `/inputs/${index}`, limits);
  const raw = dataOf(reading, input, index);
  const data = raw ?? (input.contents ? rawContents(model, declared, input.contents) : Buffer.alloc(0));
  checkBinary(model, declared, data);
  return { declared, data };
}

function outputsOf(model: Model, request: GrpcInferRequest): InferRequest['outputs'] {
  const asked = request.outputs.map(({ name, parameters }): JsonObject => {
    // Whether it is binary is a question of JSON; here every output is raw.
    const { binary_data: _, ...plain } = plainParameters(parameters);
    return { name, parameters: plain };
  });
  return requestedOutputs(model, asked, true);
}

/** @throws Failure as `parseInferRequest` does */
export function parseGrpcInfer(
  model: Model,
  request: GrpcInferRequest,
  limits: InferLimits = DEFAULT_LIMITS,
): InferRequest {
  const reading = { model, request, limits };
  const filled = request.inputs.map((input, index) => readInput(reading, input, index));
  if (request.raw_input_contents.length > filled.length) {
    throw new Failure('invalid_input', `unexpected additional input data for model '${model.name}'`);
  }
  const { [EMPTY_FINAL]: _, ...parameters } = plainParameters(request.parameters);
  return {
    id: idOf(request.id === '' ? undefined : request.id),
    ...assemble(model, filled),
    outputs: outputsOf(model, request),
    all: request.outputs.length === 0,
    parameters: requestParameters(parameters, model.queueing?.priority_levels ?? 0),
  };
}

/**
 * @param tensors what was asked for, in the asked order
 * @param streamed in a stream each answer says that it is the last one of its request
 */
export function grpcInferResponse(
  model: Model,
  request: Pick<InferRequest, 'id'>,
  tensors: readonly BlobTensor[],
  streamed: boolean,
): GrpcInferResponse {
  return {
    model_name: model.name,
    model_version: model.version,
    id: request.id ?? '',
    parameters: streamed ? { [FINAL]: { bool_param: true } } : {},
    outputs: tensors.map(({ position, datatype, shape }) => ({
      name: model.outputs[position]?.name ?? '',
      datatype,
      shape,
    })),
    raw_output_contents: tensors.map(({ data }) => data),
  };
}
