/** What a caller asks for, and how it goes over the wire: a JSON header, then the raw bytes of the tensors, little-endian. */
import { isDatatype, type Tensor } from './tensor.ts';

export type Priority = 'critical' | 'high' | 'normal' | 'low';

export type InferRequest = {
  readonly model: string;
  /** The newest that is ready, if it is left out. */
  readonly version?: string | undefined;
  readonly id?: string | undefined;
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** All, if it is left out. `classification` asks for the k best classes in place of the values. */
  readonly outputs?: readonly (string | { readonly name: string; readonly classification: number })[] | undefined;
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly priority?: Priority | undefined;
  /**
   * Binary, if it is left out. JSON is for looking at and for proxies that let nothing else through. The protocol has no
   * FP16, NaN or infinity in JSON: such inputs still go as bytes, and an FP16 output has to be asked for in the binary form.
   */
  readonly format?: 'binary' | 'json' | undefined;
};

export const HEADER_LENGTH = 'inference-header-content-length';

type Body = {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
};

function bytesOf(tensor: Tensor): Uint8Array[] {
  if (tensor.datatype !== 'BYTES') {
    const { buffer, byteOffset, byteLength } = tensor.data;
    return [new Uint8Array(buffer, byteOffset, byteLength)];
  }
  return tensor.data.flatMap((element) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, element.byteLength, true);
    return [length, element];
  });
}

const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.byteLength, 0);

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sizeOf(parts));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/** A token beyond 2^53 would not survive JSON.stringify; the server takes digits in a string as well. */
const integerToJson = (value: bigint): number | string =>
  Number.isSafeInteger(Number(value)) ? Number(value) : String(value);

/** JSON of the protocol has neither half-precision numbers nor NaN and the infinities. */
function sayable(tensor: Tensor): boolean {
  if (tensor.datatype === 'FP32' || tensor.datatype === 'FP64') return tensor.data.every(Number.isFinite);
  return tensor.datatype !== 'FP16';
}

function jsonData(tensor: Tensor): unknown[] {
  switch (tensor.datatype) {
    case 'BYTES': {
      // What is not UTF-8 has no form in JSON; better an error here than other bytes there.
      const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
      return tensor.data.map((element) => decoder.decode(element));
    }
    case 'BOOL':
      return Array.from(tensor.data, (value) => value !== 0);
    case 'INT64':
    case 'UINT64':
      return Array.from(tensor.data, integerToJson);
    default:
      return Array.from(tensor.data);
  }
}

function outputsOf({ outputs, format }: InferRequest) {
  const form = format === 'json' ? {} : { binary_data: true };
  return outputs?.map((output) =>
    typeof output === 'string'
      ? { name: output, parameters: form }
      : { name: output.name, parameters: { ...form, classification: output.classification } },
  );
}

/** @throws TypeError for a tensor that is none, or BYTES that JSON cannot say */
export function encodeRequest(request: InferRequest): Body {
  const { id, inputs, format } = request;
  const raw: Uint8Array[] = [];
  const described = Object.entries(inputs).map(([name, tensor]) => {
    const { datatype, shape } = tensor;
    if (!isDatatype(datatype)) throw new TypeError(`${name} is no tensor: make it with tensor()`);
    if (format === 'json' && sayable(tensor)) return { name, datatype, shape, data: jsonData(tensor) };
    const bytes = bytesOf(tensor);
    raw.push(...bytes);
    return { name, datatype, shape, parameters: { binary_data_size: sizeOf(bytes) } };
  });
  const outputs = outputsOf(request);
  const all = format === 'json' || outputs ? {} : { binary_data_output: true };
  const parameters = { ...request.parameters, ...all };
  const header = JSON.stringify({
    id,
    ...(Object.keys(parameters).length > 0 ? { parameters } : {}),
    inputs: described,
    outputs,
  });
  if (format === 'json' && raw.length === 0) return { body: header, headers: { 'content-type': 'application/json' } };
  const head = new TextEncoder().encode(header);
  return {
    body: joined([head, ...raw]),
    headers: { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(head.byteLength) },
  };
}

/** The part of the path that names the model, and the headers that every way of asking has. */
export const modelPath = ({ model, version }: Pick<InferRequest, 'model' | 'version'>): string =>
  `models/${encodeURIComponent(model)}${version === undefined ? '' : `/versions/${encodeURIComponent(version)}`}`;

export const priorityHeader = ({ priority }: InferRequest): Record<string, string> =>
  priority === undefined ? {} : { 'batchyard-priority': priority };
