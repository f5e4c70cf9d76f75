/** The answer to an inference, of either form, as typed arrays. */
import { BatchyardFailure } from './failure.ts';
import { parseExactly } from './json.ts';
import { HEADER_LENGTH } from './request.ts';
import { ARRAYS, elementCount, isDatatype, type Datatype, type Tensor } from './tensor.ts';

export type InferResult = {
  readonly id: string | undefined;
  readonly model: string;
  readonly version: string;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly parameters: Readonly<Record<string, unknown>>;
};

type Output = {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data?: unknown[];
  readonly parameters?: { readonly binary_data_size?: number };
};
type Head = {
  readonly id?: string;
  readonly model_name: string;
  readonly model_version?: string;
  readonly parameters?: Record<string, unknown>;
  readonly outputs: readonly Output[];
};

const broken = (what: string): BatchyardFailure =>
  new BatchyardFailure('internal', `the server's answer cannot be read: ${what}`, { status: 200 });

function readHead(text: string): Head {
  try {
    return parseExactly(text) as Head;
  } catch {
    throw broken('it is no JSON');
  }
}

function elementsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    if (at + 4 > bytes.byteLength) throw broken('BYTES end within a length');
    const end = at + 4 + view.getUint32(at, true);
    if (end > bytes.byteLength) throw broken('BYTES end within an element');
    elements.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return elements;
}

/** A view where the bytes lie as the typed array wants them, a copy elsewhere. */
function fromBytes(datatype: Datatype, bytes: Uint8Array<ArrayBuffer>) {
  if (datatype === 'BYTES') return elementsOf(bytes);
  const { BYTES_PER_ELEMENT: size } = ARRAYS[datatype];
  if (bytes.byteLength % size !== 0) throw broken(`${bytes.byteLength} bytes are no ${datatype}`);
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new ARRAYS[datatype](aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** The server writes BYTES as text, and NaN and the infinities as their names. */
function fromJson(datatype: Datatype, values: readonly unknown[]) {
  switch (datatype) {
    case 'BYTES': {
      const encoder = new TextEncoder();
      return values.map((value) => encoder.encode(String(value)));
    }
    case 'INT64':
    case 'UINT64':
      return ARRAYS[datatype].from(values.map((value) => BigInt(value as number | string)));
    default:
      return ARRAYS[datatype].from(values.map(Number));
  }
}

/** @param headLength bytes of JSON in front of raw tensors; undefined when all is JSON. @throws BatchyardFailure internal */
export function decodeResponse(body: ArrayBuffer, headLength: number | undefined): InferResult {
  const split = headLength ?? body.byteLength;
  if (!(split <= body.byteLength)) throw broken('its header is longer than the body');
  const head = readHead(new TextDecoder().decode(new Uint8Array(body, 0, split)));
  let at = split;
  const outputs = (head.outputs ?? []).map(({ name, datatype, shape, data, parameters }): [string, Tensor] => {
    if (!isDatatype(datatype)) throw broken(`${name} has the datatype ${datatype}`);
    const size = parameters?.binary_data_size;
    if (size !== undefined && at + size > body.byteLength) throw broken('it ends within a tensor');
    const made =
      size === undefined
        ? fromJson(datatype, (data ?? []).flat(Number.POSITIVE_INFINITY))
        : fromBytes(datatype, new Uint8Array(body, at, size));
    at += size ?? 0;
    if (made.length !== elementCount(shape)) throw broken(`${name} has ${made.length} elements`);
    return [name, { datatype, shape, data: made } as Tensor];
  });
  return {
    id: head.id,
    model: head.model_name,
    version: head.model_version ?? '',
    outputs: Object.fromEntries(outputs),
    parameters: head.parameters ?? {},
  };
}

export async function readResult(response: Response): Promise<InferResult> {
  const length = response.headers.get(HEADER_LENGTH);
  return decodeResponse(await response.arrayBuffer(), length === null ? undefined : Number(length));
}
