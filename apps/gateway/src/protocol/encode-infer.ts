/** A result into an infer response: JSON, or JSON with the raw bytes of the binary outputs behind it. */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model } from '@batchyard/shared/contract/model';
import type { BlobTensor, TensorBlob } from '@batchyard/shared/contract/tensor-blob';
import { classify } from './classification.ts';
import type { InferRequest, RequestedOutput } from './infer-request.ts';
import { createWriter, writeText } from './json-writer.ts';
import { writeTensor } from './tensor-writer.ts';

export type InferResponse = {
  readonly body: Buffer;
  /** Bytes of JSON, when raw tensors follow it; undefined = the body is all JSON. */
  readonly headerLength: number | undefined;
  /** Where it was not computed for this request: `hit`, or `shared` with an equal one. */
  readonly cache?: 'hit' | 'shared' | undefined;
};

const HEAD_ROOM = 256;
const BYTES_OF_TEXT = 3;

/** Of outputs by their names, the label of each index. */
export type Labels = Readonly<Record<string, readonly string[]>>;

type Source = { readonly model: Model; readonly result: TensorBlob; readonly labels: Labels };

/** The output that was asked for, as it is answered. @throws Failure internal where the result lacks it */
export function resultOf({ model, result, labels }: Source, output: RequestedOutput): BlobTensor {
  const tensor = result.tensors.find(({ position }) => position === output.position);
  const name = model.outputs[output.position]?.name;
  if (tensor === undefined || name === undefined) throw new Failure('internal', 'the result lacks an output');
  if (output.classification === undefined) return tensor;
  const own = Object.hasOwn(labels, name) ? labels[name] : undefined;
  return classify(tensor, output.classification, model.maxBatchSize > 0, own);
}

const NO_LABELS: Labels = {};

/**
 * @param request its id and the outputs to answer, in the asked order
 * @param result the outputs' raw bytes, by position; those that were not asked for are left out
 * @param labels for outputs that are asked for as classes
 * @throws Failure internal where the result lacks an output, model_error where JSON cannot carry what it holds
 */
export function encodeInferResponse(
  model: Model,
  request: Pick<InferRequest, 'id' | 'outputs'>,
  result: TensorBlob,
  labels: Labels = NO_LABELS,
): InferResponse {
  const source = { model, result, labels };
  const tensors = request.outputs.map((output) => ({ output, tensor: resultOf(source, output) }));
  let size = HEAD_ROOM;
  for (const { output, tensor } of tensors)
    size += HEAD_ROOM + (output.binary ? 0 : BYTES_OF_TEXT * tensor.data.length);
  const writer = createWriter(size);
  const tails: Uint8Array[] = [];
  const id = request.id === undefined ? '' : `"id":${JSON.stringify(request.id)},`;
  const names = `"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}`;
  writeText(writer, `{${id}${names},"outputs":[`);
  for (const [index, { output, tensor }] of tensors.entries()) {
    const name = JSON.stringify(model.outputs[output.position]!.name);
    const head = `{"name":${name},"datatype":"${tensor.datatype}","shape":[${tensor.shape.join()}],`;
    writeText(writer, index === 0 ? head : `,${head}`);
    if (output.binary) {
      tails.push(tensor.data);
      writeText(writer, `"parameters":{"binary_data_size":${tensor.data.length}}}`);
    } else {
      writeText(writer, '"data":');
      writeTensor(writer, tensor.datatype, tensor.data);
      writeText(writer, '}');
    }
  }
  writeText(writer, ']}');
  const json = writer.bytes.subarray(0, writer.at);
  if (tails.length === 0) return { body: json, headerLength: undefined };
  return { body: Buffer.concat([json, ...tails]), headerLength: json.length };
}
