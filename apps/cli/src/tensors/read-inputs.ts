/**
 * The inputs of a request from what a person has: a request in JSON (a file, or - for stdin), arrays of NumPy, or nothing
 * but the model's metadata, of which random ones are made.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { text as textOf } from 'node:stream/consumers';

import { halfBits } from '@batchyard/client/half';
import { parseExactly } from '@batchyard/client/json';
import type { ModelMetadata, TensorMetadata } from '@batchyard/client/models';
import { isDatatype, tensor, type Tensor } from '@batchyard/client/tensor';
import { z } from 'zod';

import { StopSentence } from '../stop-sentence.ts';
import { readNpy } from './npy.ts';
import { randomTensor } from './random-tensor.ts';

type Inputs = Readonly<Record<string, Tensor>>;

const requestSchema = z.object({
  inputs: z.array(
    z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()), data: z.array(z.unknown()) }),
  ),
});

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const wrong = (what: string, error: unknown, hint: string): StopSentence =>
  new StopSentence(`${what}: ${reason(error)}`, hint);

function fromJson(datatype: string, shape: readonly number[], data: readonly unknown[]): Tensor {
  if (!isDatatype(datatype)) throw new RangeError(`${datatype} is no datatype`);
  const flat = data.flat(Number.POSITIVE_INFINITY);
  if (datatype === 'FP16') return tensor(datatype, shape, halfBits(flat.map(Number)));
  const integer = (value: unknown): unknown => (typeof value === 'string' ? BigInt(value) : value);
  const floating = (value: unknown): unknown => (typeof value === 'string' ? Number(value) : value);
  const values =
    datatype === 'INT64' || datatype === 'UINT64'
      ? flat.map(integer)
      : datatype === 'FP32' || datatype === 'FP64'
        ? flat.map(floating)
        : flat;
  return tensor(datatype, shape, values as never);
}

/** The `inputs` of a request as POST /v2/models/{model}/infer takes it. @throws StopSentence */
async function fromRequest(file: string, model: string): Promise<Inputs> {
  const hint = `batchyard infer ${model} --random   (batchyard models inspect ${model} shows the inputs)`;
  const text = await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8')).catch((error: unknown) => {
    throw wrong(`${file} cannot be read`, error, hint);
  });
  try {
    const { inputs } = requestSchema.parse(parseExactly(text));
    return Object.fromEntries(inputs.map(({ name, datatype, shape, data }) => [name, fromJson(datatype, shape, data)]));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const said = issue ? new Error(`/${issue.path.join('/')}: ${issue.message}`) : error;
    throw wrong(`${file} is no request`, said, hint);
  }
}

/** An array whose rank is one below the input's is one row. */
function asRow(made: Tensor, spec: TensorMetadata | undefined): Tensor {
  const one = spec !== undefined && made.shape.length === spec.shape.length - 1 && spec.shape[0] === -1;
  return one ? { ...made, shape: [1, ...made.shape] } : made;
}

async function fromArrays(given: readonly string[], metadata: ModelMetadata): Promise<Inputs> {
  const names = metadata.inputs.map(({ name }) => name);
  const hint = `batchyard infer ${metadata.name} ${names.map((name) => `--input ${name}=${name.toLowerCase()}.npy`).join(' ')}`;
  const pairs = given.map(async (text): Promise<[string, Tensor]> => {
    const split = text.indexOf('=');
    const [name, file] = split < 0 ? [undefined, text] : [text.slice(0, split), text.slice(split + 1)];
    const only = names.length === 1 ? names[0] : undefined;
    const chosen = name ?? only ?? names.find((one) => `${one.toLowerCase()}.npy` === basename(file).toLowerCase());
    if (chosen === undefined || !names.includes(chosen))
      throw new StopSentence(`${text} does not say which of the inputs ${names.join(', ')} it is`, hint);
    try {
      const made = readNpy(await readFile(file));
      return [
        chosen,
        asRow(
          made,
          metadata.inputs.find((spec) => spec.name === chosen),
        ),
      ];
    } catch (error) {
      throw wrong(`${file} cannot be used`, error, hint);
    }
  });
  return Object.fromEntries(await Promise.all(pairs));
}

export type InputFlags = {
  readonly input?: readonly string[];
  readonly random?: boolean;
  readonly rows: string;
  readonly length: string;
  readonly seed: string;
};

/** @param metadata asked for only where it is needed; @throws StopSentence */
export async function readInputs(
  model: string,
  file: string | undefined,
  flags: InputFlags,
  metadata: () => Promise<ModelMetadata>,
): Promise<Inputs> {
  const ways = [file !== undefined, flags.input !== undefined, flags.random === true].filter(Boolean).length;
  if (ways !== 1)
    throw new StopSentence(
      'give the inputs in one way: a request file, --input or --random',
      `batchyard infer ${model} --random`,
    );
  if (file !== undefined && !file.endsWith('.npy')) return fromRequest(file, model);
  const known = await metadata();
  if (!flags.random) return fromArrays(flags.input ?? [file ?? ''], known);
  const sizes = { rows: Number(flags.rows), length: Number(flags.length), seed: Number(flags.seed) };
  if (!Object.values(sizes).every(Number.isSafeInteger) || sizes.rows < 1 || sizes.length < 1)
    throw new StopSentence(
      '--rows, --length and --seed are whole numbers',
      `batchyard infer ${model} --random --rows 4`,
    );
  return Object.fromEntries(
    known.inputs.map((spec, i) => [spec.name, randomTensor(spec, { ...sizes, seed: sizes.seed + i })]),
  );
}
