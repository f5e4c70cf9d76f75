/**
 * The fields of Triton's model configuration (model_config.proto), in its order, as far as it can be written for an ONNX
 * model. `model-config.ts` prints by this table, as protobuf prints JSON with every primitive field present.
 */
export type FieldKind =
  /** Its value where the file leaves it out. */
  | { readonly kind: 'value'; readonly otherwise: string | number | boolean }
  /** Of those the file names at most one; shown only where it does. */
  | { readonly kind: 'choice' }
  | { readonly kind: 'values' }
  | { readonly kind: 'message'; readonly fields: Fields }
  | { readonly kind: 'messages'; readonly fields: Fields }
  /** Entries of `key` and `value`; without fields the values are primitive. */
  | { readonly kind: 'map'; readonly fields: Fields | undefined };
export type Fields = { readonly [name: string]: FieldKind };

const value = (otherwise: string | number | boolean): FieldKind => ({ kind: 'value', otherwise });
const message = (fields: Fields): FieldKind => ({ kind: 'message', fields });
const messages = (fields: Fields): FieldKind => ({ kind: 'messages', fields });
const map = (fields?: Fields): FieldKind => ({ kind: 'map', fields });
const text = value('');
const count = value(0);
const no = value(false);
const values: FieldKind = { kind: 'values' };
const choice: FieldKind = { kind: 'choice' };

const datatype = value('TYPE_INVALID');
const reshape = message({ shape: values });

const input: Fields = {
  name: text,
  data_type: datatype,
  format: value('FORMAT_NONE'),
  dims: values,
  reshape,
  is_shape_tensor: no,
  allow_ragged_batch: no,
  optional: no,
  is_non_linear_format_io: no,
};
const output: Fields = {
  name: text,
  data_type: datatype,
  dims: values,
  reshape,
  label_filename: text,
  is_shape_tensor: no,
  is_non_linear_format_io: no,
};

const instanceGroup: Fields = {
  name: text,
  kind: value('KIND_AUTO'),
  count,
  rate_limiter: message({ resources: messages({ name: text, global: no, count }), priority: count }),
  gpus: values,
  secondary_devices: messages({ kind: value('KIND_NVDLA'), device_id: count }),
  profile: values,
  passive: no,
  host_policy: text,
};

const queuePolicy: Fields = {
  timeout_action: value('REJECT'),
  default_timeout_microseconds: count,
  allow_timeout_override: no,
  max_queue_size: count,
};

const accelerators = messages({ name: text, parameters: map() });
const batchIo = { target_name: values, data_type: datatype, source_input: values };

export const CONFIG_FIELDS: Fields = {
  name: text,
  platform: text,
  backend: text,
  runtime: text,
  version_policy: message({
    latest: message({ num_versions: count }),
    all: message({}),
    specific: message({ versions: values }),
  }),
  max_batch_size: count,
  input: messages(input),
  output: messages(output),
  batch_input: messages({ kind: value('BATCH_ELEMENT_COUNT'), ...batchIo }),
  batch_output: messages({ target_name: values, kind: value('BATCH_SCATTER_WITH_INPUT_SHAPE'), source_input: values }),
  optimization: message({
    graph: message({ level: count }),
    priority: value('PRIORITY_DEFAULT'),
    execution_accelerators: message({
      gpu_execution_accelerator: accelerators,
      cpu_execution_accelerator: accelerators,
    }),
    input_pinned_memory: message({ enable: no }),
    output_pinned_memory: message({ enable: no }),
    gather_kernel_buffer_threshold: count,
    eager_batching: no,
  }),
  dynamic_batching: message({
    preferred_batch_size: values,
    max_queue_delay_microseconds: count,
    preserve_ordering: no,
    priority_levels: count,
    default_priority_level: count,
    default_queue_policy: message(queuePolicy),
    priority_queue_policy: map(queuePolicy),
  }),
  instance_group: messages(instanceGroup),
  default_model_filename: text,
  cc_model_filenames: map(),
  metric_tags: map(),
  parameters: map({ string_value: text }),
  model_warmup: messages({
    name: text,
    batch_size: count,
    inputs: map({ data_type: datatype, dims: values, zero_data: choice, random_data: choice, input_data_file: choice }),
    count,
  }),
  model_operations: message({ op_library_filename: values }),
  model_transaction_policy: message({ decoupled: no }),
  model_repository_agents: message({ agents: messages({ name: text, parameters: map() }) }),
  response_cache: message({ enable: no }),
  model_metrics: message({
    metric_control: messages({
      metric_identifier: message({ family: text }),
      histogram_options: message({ buckets: values }),
    }),
  }),
};
