/**
 * `GET /v2/models/{m}/config`: Triton's model configuration in snake_case, as protobuf prints JSON with all primitive fields
 * present and 64-bit integers as numbers. What the file leaves out is what the model serves with: tensors, the batch size.
 */
import type { Model, TensorSpec } from '@batchyard/shared/contract/model';
import type { WrittenMessage, WrittenValue } from '@batchyard/shared/contract/model-details';
import type { Datatype } from '@batchyard/shared/contract/tensor';

import { CONFIG_FIELDS, type FieldKind, type Fields } from './config-fields.ts';

export type ConfigValue = string | number | boolean | readonly ConfigValue[] | ConfigMessage;
export type ConfigMessage = { readonly [field: string]: ConfigValue };

const last = (message: WrittenMessage, name: string): WrittenValue | undefined =>
  Object.hasOwn(message, name) ? message[name]?.at(-1) : undefined;
const all = (message: WrittenMessage, name: string): readonly WrittenValue[] =>
  Object.hasOwn(message, name) ? (message[name] ?? []) : [];
const isMessage = (value: WrittenValue | undefined): value is WrittenMessage => typeof value === 'object';
const primitive = (value: WrittenValue | undefined): string | number | boolean =>
  isMessage(value) ? '' : (value ?? '');
const messageOf = (value: WrittenValue | undefined): WrittenMessage => (isMessage(value) ? value : {});

function printMap(entries: readonly WrittenValue[], fields: Fields | undefined): ConfigMessage {
  return Object.fromEntries(
    entries.filter(isMessage).map((entry) => {
      const value = last(entry, 'value');
      return [primitive(last(entry, 'key')).toString(), fields ? print(messageOf(value), fields) : primitive(value)];
    }),
  );
}

/** @returns undefined where the field is not shown */
function printField(written: WrittenMessage, name: string, field: FieldKind): ConfigValue | undefined {
  const values = all(written, name);
  const value = values.at(-1);
  switch (field.kind) {
    case 'value':
      return value === undefined || isMessage(value) ? field.otherwise : value;
    case 'choice':
      return isMessage(value) ? undefined : value;
    case 'values':
      return values.filter((one) => !isMessage(one));
    case 'message':
      return isMessage(value) ? print(value, field.fields) : undefined;
    case 'messages':
      return values.filter(isMessage).map((one) => print(one, field.fields));
    case 'map':
      return printMap(values, field.fields);
  }
}

/** Fields that the table does not have are left out. */
function print(written: WrittenMessage, fields: Fields): ConfigMessage {
  const printed = Object.entries(fields).map(([name, field]) => [name, printField(written, name, field)] as const);
  return Object.fromEntries(printed.filter((entry): entry is readonly [string, ConfigValue] => entry[1] !== undefined));
}

const typeName = (datatype: Datatype): string => (datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`);

/** A declared tensor in its configuration's fields, which may say more of it than the model's file does. */
function tensorsOf(specs: readonly TensorSpec[], written: readonly WrittenValue[]): WrittenMessage[] {
  const configured = written.filter(isMessage);
  return specs.map((spec) => ({
    ...configured.find((one) => last(one, 'name') === spec.name),
    name: [spec.name],
    data_type: [typeName(spec.datatype)],
    dims: spec.shape,
    ...(spec.optional === undefined ? {} : { optional: [spec.optional] }),
  }));
}

/** Batches are always formed by the queue, so that a model with a batch axis has this whether its file says so or not. */
function batchingOf(model: Model, written: WrittenMessage): WrittenMessage {
  if (model.maxBatchSize === 0) return {};
  return { dynamic_batching: [messageOf(last(written, 'dynamic_batching'))] };
}

const LATEST: WrittenMessage = { latest: [{ num_versions: [1] }] };
const PINNED: WrittenMessage = { input_pinned_memory: [{}], output_pinned_memory: [{}] };

/** @param written the configuration as its file has it; undefined where the model's workers keep none */
export function modelConfig(model: Model, written: WrittenMessage = {}): ConfigMessage {
  const { dynamic_batching: _batching, ...rest } = written;
  const whole: WrittenMessage = {
    platform: [model.platform],
    backend: ['onnxruntime'],
    version_policy: [LATEST],
    instance_group: [{ name: [model.name], kind: ['KIND_CPU'], count: [1] }],
    default_model_filename: ['model.onnx'],
    ...rest,
    ...batchingOf(model, written),
    name: [model.name],
    max_batch_size: [model.maxBatchSize],
    input: tensorsOf(model.inputs, all(written, 'input')),
    output: tensorsOf(model.outputs, all(written, 'output')),
    optimization: [{ ...PINNED, ...messageOf(last(written, 'optimization')) }],
    response_cache: [{ enable: [model.responseCache ?? false] }],
  };
  return print(whole, CONFIG_FIELDS);
}
