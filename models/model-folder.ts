/**
 * A model written in TypeScript, and its folder in Triton's layout: `<name>/config.pbtxt`, `<name>/<version>/model.onnx`.
 * Shapes are those of one row: the batch axis is added to the ONNX file where `maxBatchSize` is above 0, and left out of
 * the `dims` of the configuration, as Triton wants both.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeOnnx, type OnnxInitializer, type OnnxNode, type OnnxValue } from '../tools/onnx-writer.ts';

export type ModelSource = {
  readonly name: string;
  /** 0: no batch axis. */
  readonly maxBatchSize: number;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: readonly OnnxInitializer[];
  /** Further lines of the configuration. */
  readonly settings?: readonly string[];
  /** No config.pbtxt: the server has to read everything from the ONNX file. */
  readonly withoutConfig?: boolean;
};

/** Writes one version of the model below `repository` and returns the model's folder. */
export async function writeModelFolder(repository: string, source: ModelSource, version = '1'): Promise<string> {
  const folder = join(repository, source.name);
  await mkdir(join(folder, version), { recursive: true });
  await writeFile(join(folder, version, 'model.onnx'), modelBytes(source));
  if (!source.withoutConfig) await writeFile(join(folder, 'config.pbtxt'), configText(source));
  return folder;
}

export function modelBytes(source: ModelSource): Uint8Array {
  const batched = source.maxBatchSize > 0 || source.withoutConfig === true;
  const withBatch = (value: OnnxValue) => (batched ? { ...value, shape: ['batch', ...value.shape] } : value);
  return writeOnnx({ ...source, inputs: source.inputs.map(withBatch), outputs: source.outputs.map(withBatch) });
}

/** Protobuf text format with the field names of Triton's ModelConfig. */
export function configText(source: ModelSource): string {
  return [
    `name: "${source.name}"`,
    'platform: "onnxruntime_onnx"',
    `max_batch_size: ${source.maxBatchSize}`,
    ...source.inputs.map((value) => tensorText('input', value)),
    ...source.outputs.map((value) => tensorText('output', value)),
    ...(source.settings ?? []),
    '',
  ].join('\n');
}

/** One line of `parameters`. */
export function parameter(key: string, value: string): string {
  return `parameters { key: ${JSON.stringify(key)} value { string_value: ${JSON.stringify(value)} } }`;
}

function tensorText(field: 'input' | 'output', value: OnnxValue): string {
  const type = value.datatype === 'BYTES' ? 'STRING' : value.datatype;
  const dims = value.shape.map((size) => (typeof size === 'number' ? size : -1)).join(', ');
  return `${field} [ { name: "${value.name}" data_type: TYPE_${type} dims: [ ${dims} ] } ]`;
}
