/**
 * Writes ONNX model files, so that tests and `models/simple` need no Python. Field numbers and element types are those
 * of the ONNX format's own schema (onnx.proto, ModelProto); only the part that a model of plain operators uses is here.
 *
 * The same description gives the same bytes: nothing is sorted, dated or named by chance.
 */
import protobuf from 'protobufjs';
import type { Datatype } from '@batchyard/shared/contract/tensor';

export type OnnxDatatype = Datatype | 'BF16';

/** A graph input or output. A number is a fixed dimension, a string a named free one, '' a free one without a name. */
export type OnnxValue = {
  readonly name: string;
  readonly datatype: OnnxDatatype;
  readonly shape: readonly (number | string)[];
  /** The value is a sequence of such tensors: what a server has to refuse. */
  readonly sequence?: boolean;
};

/** Tagged by kind, because 1 alone does not say whether the operator wants an int or a float. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] };

export type OnnxNode = {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
};

export type OnnxInitializer = {
  readonly name: string;
  readonly datatype: OnnxDatatype;
  readonly shape: readonly number[];
  /**
   * Row-major. A typed array's bytes are taken as they are (FP16 and BF16 only so); a list is converted;
   * `{ location }` points to a file beside the model (external data).
   */
  readonly data: ArrayBufferView | readonly (number | bigint | boolean | string)[] | { readonly location: string };
};

export type OnnxModel = {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: readonly OnnxInitializer[];
  readonly opset?: number;
  readonly irVersion?: number;
};

const SCHEMA = `
syntax = "proto2";
message Model { optional int64 ir_version = 1; optional string producer_name = 2; optional Graph graph = 7; repeated Opset opset_import = 8; }
message Opset { optional string domain = 1; optional int64 version = 2; }
message Graph { repeated Node node = 1; optional string name = 2; repeated Tensor initializer = 5; repeated Value input = 11; repeated Value output = 12; }
message Node { repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4; repeated Attribute attribute = 5; }
message Attribute { optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; repeated float floats = 7; repeated int64 ints = 8; optional int32 type = 20; }
message Tensor { repeated int64 dims = 1; optional int32 data_type = 2; repeated bytes string_data = 6; optional string name = 8; optional bytes raw_data = 9; repeated Entry external_data = 13; optional int32 data_location = 14; }
message Entry { optional string key = 1; optional string value = 2; }
message Value { optional string name = 1; optional Type type = 2; }
message Type { optional TensorType tensor_type = 1; optional SequenceType sequence_type = 4; }
message TensorType { optional int32 elem_type = 1; optional Shape shape = 2; }
message SequenceType { optional Type elem_type = 1; }
message Shape { repeated Dim dim = 1; }
message Dim { optional int64 dim_value = 1; optional string dim_param = 2; }
`;
const modelType = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Model');

/** TensorProto.DataType. */
const ELEMENT_TYPE: Readonly<Record<OnnxDatatype, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
};

const EXTERNAL = 1;

/** The bytes of a `.onnx` file. Throws a TypeError for initializer data that its datatype or shape does not fit. */
export function writeOnnx(model: OnnxModel): Uint8Array {
  const encoded = modelType.encode({
    ir_version: model.irVersion ?? 8,
    producer_name: 'batchyard',
    opset_import: [{ domain: '', version: model.opset ?? 17 }],
    graph: {
      name: model.name,
      node: model.nodes.map(nodeMessage),
      initializer: (model.initializers ?? []).map(tensorMessage),
      input: model.inputs.map(valueMessage),
      output: model.outputs.map(valueMessage),
    },
  });
  return new Uint8Array(encoded.finish());
}

function nodeMessage(node: OnnxNode, index: number): object {
  return {
    input: node.inputs,
    output: node.outputs,
    name: `${node.op}_${index}`,
    op_type: node.op,
    attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => ({ name, ...attributeMessage(value) })),
  };
}

/** `type` is AttributeProto.AttributeType. */
function attributeMessage(value: OnnxAttribute): object {
  if ('float' in value) return { f: value.float, type: 1 };
  if ('int' in value) return { i: value.int, type: 2 };
  if ('string' in value) return { s: new TextEncoder().encode(value.string), type: 3 };
  if ('floats' in value) return { floats: value.floats, type: 6 };
  return { ints: value.ints, type: 7 };
}

function valueMessage(value: OnnxValue): object {
  const dim = value.shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size }));
  const tensor = { tensor_type: { elem_type: ELEMENT_TYPE[value.datatype], shape: { dim } } };
  return { name: value.name, type: value.sequence ? { sequence_type: { elem_type: tensor } } : tensor };
}

function tensorMessage(tensor: OnnxInitializer): object {
  const { name, data } = tensor;
  const head = { name, dims: tensor.shape, data_type: ELEMENT_TYPE[tensor.datatype] };
  if ('location' in data) {
    return { ...head, external_data: [{ key: 'location', value: data.location }], data_location: EXTERNAL };
  }
  if (ArrayBuffer.isView(data)) {
    return { ...head, raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  }
  const count = tensor.shape.reduce((product, dim) => product * dim, 1);
  if (data.length !== count) throw new TypeError(`initializer ${name}: ${data.length} values for ${count} elements`);
  if (tensor.datatype === 'BYTES') {
    return { ...head, string_data: data.map((text) => new TextEncoder().encode(String(text))) };
  }
  return { ...head, raw_data: rawBytes(tensor.datatype, data, name) };
}

type Scalar = number | bigint | boolean | string;

function rawBytes(datatype: OnnxDatatype, values: readonly Scalar[], name: string): Uint8Array {
  const array = typedArray(datatype, values);
  if (!array) throw new TypeError(`initializer ${name}: ${datatype} needs its bytes as a typed array`);
  return new Uint8Array(array.buffer);
}

function typedArray(datatype: OnnxDatatype, values: readonly Scalar[]): { buffer: ArrayBuffer } | undefined {
  const numbers = () => values.map(Number);
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return Uint8Array.from(numbers());
    case 'UINT16':
      return Uint16Array.from(numbers());
    case 'UINT32':
      return Uint32Array.from(numbers());
    case 'UINT64':
      return BigUint64Array.from(values, BigInt);
    case 'INT8':
      return Int8Array.from(numbers());
    case 'INT16':
      return Int16Array.from(numbers());
    case 'INT32':
      return Int32Array.from(numbers());
    case 'INT64':
      return BigInt64Array.from(values, BigInt);
    case 'FP32':
      return Float32Array.from(numbers());
    case 'FP64':
      return Float64Array.from(numbers());
    default:
      return undefined;
  }
}
