/** `model_warmup` of Triton's model configuration (model_config.proto, ModelWarmup): runs before a model serves. */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ELEMENT_BYTES, elementCount, isDatatype, type Datatype } from '@batchyard/shared/contract/tensor';

import { asCount, asFlag, asMessage, asNumber, asText, ConfigError, one } from './text-fields.ts';
import type { TextMessage } from './text-proto.ts';

export type WarmupInput = {
  readonly name: string;
  readonly datatype: Datatype;
  /** Of one request, without the batch axis. */
  readonly dims: readonly number[];
  readonly from:
    | { readonly kind: 'zero' }
    | { readonly kind: 'random' }
    /** A plain name in the folder `warmup` of the model. */
    | { readonly kind: 'file'; readonly file: string };
};
export type WarmupSample = {
  readonly name: string;
  /** 0: for a model without a batch axis. */
  readonly rows: number;
  /** How often it is run. */
  readonly count: number;
  readonly inputs: readonly WarmupInput[];
};

const MOST_SAMPLES = 64;
const MOST_RUNS = 1_000;
const MOST_BYTES = 64 * 1_048_576;

function readInput(entry: TextMessage | undefined, where: string): WarmupInput {
  const name = asText(one(entry, 'key'), `${where}.key`);
  if (!name) throw new ConfigError(`${where} has no key`);
  const value = asMessage(one(entry, 'value'), `${where}.value`);
  const type = (asText(one(value, 'data_type'), `${where}.data_type`) ?? '').replace(/^TYPE_/, '');
  const datatype = type === 'STRING' ? 'BYTES' : type;
  if (!isDatatype(datatype)) throw new ConfigError(`${where} of ${name} has an unknown data_type`);
  const dims = (value?.['dims'] ?? []).map((dim) => asNumber(dim, `${where}.dims`) ?? 0);
  if (dims.some((dim) => dim < 1)) throw new ConfigError(`${where}.dims of ${name} must be above 0`);
  const file = asText(one(value, 'input_data_file'), `${where}.input_data_file`);
  if (file !== undefined) {
    if (!/^(?!\.)[A-Za-z0-9_.-]+$/.test(file))
      throw new ConfigError(`${where}.input_data_file of ${name} must be a plain file name`);
    return { name, datatype, dims, from: { kind: 'file', file } };
  }
  if (asFlag(one(value, 'random_data'), `${where}.random_data`))
    return { name, datatype, dims, from: { kind: 'random' } };
  if (asFlag(one(value, 'zero_data'), `${where}.zero_data`)) return { name, datatype, dims, from: { kind: 'zero' } };
  throw new ConfigError(`${where} of ${name} needs zero_data, random_data or input_data_file`);
}

/** @throws ConfigError that names the field */
export function readWarmup(config: TextMessage): WarmupSample[] {
  const samples = config['model_warmup'] ?? [];
  if (samples.length > MOST_SAMPLES) throw new ConfigError(`model_warmup has more than ${MOST_SAMPLES} samples`);
  return samples.map((sample, i) => {
    const where = `model_warmup[${i}]`;
    const message = asMessage(sample, where);
    const count = asCount(one(message, 'count'), `${where}.count`) ?? 0;
    if (count > MOST_RUNS) throw new ConfigError(`${where}.count must be at most ${MOST_RUNS}`);
    return {
      name: asText(one(message, 'name'), `${where}.name`) ?? String(i),
      rows: asCount(one(message, 'batch_size'), `${where}.batch_size`) ?? 0,
      // As in Triton: none is one.
      count: Math.max(1, count),
      inputs: (message?.['inputs'] ?? []).map((entry) =>
        readInput(asMessage(entry, `${where}.inputs`), `${where}.inputs`),
      ),
    };
  });
}

/** Elements of BYTES as a file has them: each behind four bytes of its length, little-endian. */
function readTexts(bytes: Buffer, file: string): string[] {
  const texts: string[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const size = at + 4 <= bytes.byteLength ? bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    if (at + 4 + size > bytes.byteLength) throw new ConfigError(`the warm-up file ${file} ends within an element`);
    texts.push(bytes.toString('utf8', at + 4, at + 4 + size));
    at += 4 + size;
  }
  return texts;
}

export type WarmupTensor = {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
};

/** Deterministic, so that a load that fails does so again. */
const noise = (i: number): number => (i * 7_919 + 104_729) % 251;

function fillOf({ datatype, from }: WarmupInput, elements: number): Uint8Array | readonly string[] {
  const isRandom = from.kind === 'random';
  if (datatype === 'BYTES') return Array.from({ length: elements }, (_, i) => (isRandom ? String(noise(i)) : ''));
  const data = new Uint8Array(new ArrayBuffer(elements * ELEMENT_BYTES[datatype]));
  if (!isRandom) return data;
  const view = new DataView(data.buffer);
  for (let i = 0; i < elements; i += 1) {
    if (datatype === 'FP32') view.setFloat32(i * 4, noise(i) / 251, true);
    else if (datatype === 'FP64') view.setFloat64(i * 8, noise(i) / 251, true);
    else if (datatype === 'BOOL') view.setUint8(i, noise(i) % 2);
    // Small numbers in every other type; as bits of FP16 they are tiny.
    else view.setUint8(i * ELEMENT_BYTES[datatype], noise(i) % 100);
  }
  return data;
}

/** The tensors of a sample. @param folder of the model; @throws ConfigError */
export async function warmupTensors(folder: string, { rows, inputs }: WarmupSample): Promise<WarmupTensor[]> {
  const tensors: WarmupTensor[] = [];
  for (const input of inputs) {
    const { name, datatype, from } = input;
    const shape = rows > 0 ? [rows, ...input.dims] : [...input.dims];
    const elements = elementCount(shape);
    const bytes = elements * (datatype === 'BYTES' ? 8 : ELEMENT_BYTES[datatype]);
    if (bytes > MOST_BYTES) throw new ConfigError(`the warm-up of ${name} has more than ${MOST_BYTES} bytes`);
    if (from.kind !== 'file') {
      tensors.push({ name, datatype, shape, data: fillOf(input, elements) });
      continue;
    }
    const path = join(folder, 'warmup', from.file);
    const stat = await lstat(path).catch(() => undefined);
    if (!stat?.isFile() || stat.size > MOST_BYTES)
      throw new ConfigError(`the warm-up file ${from.file} is not a plain file of at most ${MOST_BYTES} bytes`);
    const read = await readFile(path);
    const data = datatype === 'BYTES' ? readTexts(read, from.file) : new Uint8Array(new Uint8Array(read).buffer);
    const found = datatype === 'BYTES' ? data.length : (data as Uint8Array).byteLength / ELEMENT_BYTES[datatype];
    if (found !== elements)
      throw new ConfigError(`the warm-up file ${from.file} holds ${found} elements for ${elements}`);
    tensors.push({ name, datatype, shape, data });
  }
  return tensors;
}
