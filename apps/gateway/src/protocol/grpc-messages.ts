/**
 * The messages of an inference over gRPC as proto/inference.proto describes them and the loader hands them over: 64-bit
 * integers as text, bytes as views of the message, what was left out with its default.
 */

/** Of a `map<string, InferParameter>`: the field that `parameter_choice` names holds the value. */
export type GrpcParameter = {
  readonly parameter_choice?: string | undefined;
  readonly bool_param?: boolean;
  readonly int64_param?: string;
  readonly string_param?: string;
  readonly double_param?: number;
  readonly uint64_param?: string;
};
export type GrpcParameters = Readonly<Record<string, GrpcParameter>>;

export type GrpcContents = {
  readonly bool_contents: readonly boolean[];
  readonly int_contents: readonly number[];
  readonly int64_contents: readonly string[];
  readonly uint_contents: readonly number[];
  readonly uint64_contents: readonly string[];
  readonly fp32_contents: readonly number[];
  readonly fp64_contents: readonly number[];
  readonly bytes_contents: readonly Uint8Array[];
};

export type GrpcInput = {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly parameters: GrpcParameters;
  /** Null where the input has none. */
  readonly contents: GrpcContents | null;
};

export type GrpcInferRequest = {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: GrpcParameters;
  readonly inputs: readonly GrpcInput[];
  readonly outputs: readonly { readonly name: string; readonly parameters: GrpcParameters }[];
  readonly raw_input_contents: readonly Buffer[];
};

export type GrpcInferResponse = {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: GrpcParameters;
  readonly outputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
  readonly raw_output_contents: readonly Uint8Array[];
};
