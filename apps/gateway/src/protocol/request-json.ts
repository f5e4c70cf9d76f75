/** The JSON part of a request: its inputs, with `data` read on the way into raw bytes, and its other members. */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model } from '@batchyard/shared/contract/model';
import { type DeclaredInput, declareInput } from './declared-input.ts';
import type { InferLimits } from './infer-request.ts';
import { type JsonReader, OPEN_ARRAY, createReader, peek } from './json-cursor.ts';
import { type JsonObject, expectEnd, readArray, readObject, skipArray } from './json-reader.ts';
import { parametersOf } from './request-parameters.ts';
import { readTensor } from './tensor-text.ts';

/** An input in the order of the request. */
export type ReadInput = {
  readonly declared: DeclaredInput;
  /** From `data`; undefined where the bytes follow the JSON. */
  readonly data: Uint8Array | undefined;
  /** Of the bytes that follow the JSON; undefined where `data` was given. */
  readonly binaryBytes: number | undefined;
};

export type RequestJson = {
  readonly inputs: readonly ReadInput[];
  /** The document, with null in place of `inputs`. */
  readonly members: JsonObject;
};

function binarySize(parameters: JsonObject, pointer: string): number | undefined {
  const size = parameters['binary_data_size'];
  if (size === undefined) return undefined;
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size;
  const problem = "Unable to parse 'binary_data_size': attempt to access JSON non-unsigned-integer as unsigned-integer";
  throw new Failure('bad_request', problem, { pointers: [`${pointer}/parameters/binary_data_size`] });
}

/** Triton's text, for anything but exactly one source of data. */
function checkSources(hasData: boolean, parameters: JsonObject, pointer: string): void {
  const given = [
    ...(hasData ? ["'data'"] : []),
    ...['binary_data_size', 'shared_memory_region'].filter((key) => key in parameters).map((key) => `'${key}'`),
  ];
  if (given.length === 1 && given[0] !== "'shared_memory_region'") return;
  const fields = "'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'";
  const found = given.length === 0 ? 'no field is set' : `set ${given.join(' ')}`;
  const problem =
    given.length === 1
      ? 'shared memory is not supported: send the data itself'
      : `Input must set only one of the following fields: ${fields}. But ${found}`;
  throw new Failure('bad_request', problem, { pointers: [pointer] });
}

const isDeclared = (input: JsonObject): boolean => 'name' in input && 'datatype' in input && 'shape' in input;

/** Names the input in a Failure that knows only the byte. */
function pointed<T>(pointer: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure) || error.pointers.length > 0) throw error;
    throw new Failure(error.code, error.message, { pointers: [pointer] });
  }
}

/** One element of `inputs`. Data that comes before what it is declared to be is passed over, and read at the end. */
function readInput(reader: JsonReader, model: Model, limits: InferLimits, index: number): ReadInput {
  const pointer = `/inputs/${index}`;
  let declared: DeclaredInput | undefined;
  let data: Uint8Array | undefined;
  let dataAt = -1;
  const members = readObject(reader, (key, input) => {
    if (key !== 'data') return undefined;
    dataAt = reader.at;
    if (isDeclared(input)) {
      const target = declareInput(model, input, pointer, limits);
      declared = target;
      data = pointed(`${pointer}/data`, () => readTensor(reader, target));
    } else {
      if (peek(reader) !== OPEN_ARRAY) throw new Failure('bad_request', "Unable to parse 'data': an array is expected");
      skipArray(reader);
    }
    return null;
  });
  const parameters = parametersOf(members, pointer);
  checkSources(dataAt >= 0, parameters, pointer);
  const target = declared ?? declareInput(model, members, pointer, limits);
  if (dataAt >= 0 && data === undefined) {
    data = pointed(`${pointer}/data`, () => readTensor(createReader(reader.bytes, dataAt), target));
  }
  return { declared: target, data, binaryBytes: binarySize(parameters, pointer) };
}

/**
 * @param json the JSON part of the body
 * @throws Failure for anything but a document of the protocol whose inputs are those of the model
 */
export function readRequestJson(json: Buffer, model: Model, limits: InferLimits): RequestJson {
  const reader = createReader(json);
  let inputs: ReadInput[] | undefined;
  const members = readObject(reader, (key) => {
    if (key !== 'inputs') return undefined;
    let index = 0;
    inputs = readArray(reader, () => readInput(reader, model, limits, index++));
    return null;
  });
  expectEnd(reader);
  if (inputs === undefined)
    throw new Failure('bad_request', "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'");
  return { inputs, members };
}
