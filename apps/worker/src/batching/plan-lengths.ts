/**
 * Which lengths of a model are rounded up and padded, and where its outputs are cropped: what the configuration asks for,
 * against the axes that the model file names. Padding is never guessed: what neither of them tells is refused.
 */
import type { BucketedLength, TensorSpec } from '@batchyard/shared/contract/model';
import { ELEMENT_BYTES, elementCount } from '@batchyard/shared/contract/tensor';

import { padElement } from './pad.ts';

/** An axis of a row as the configuration names it: `NAME[axis]`. */
export type NamedAxis = { readonly tensor: string; readonly axis: number };

export type LengthSettings = {
  /** Without `at`: the one variable length that all inputs share. */
  readonly buckets: readonly { readonly at: NamedAxis | undefined; readonly sizes: readonly number[] }[];
  /** Without `input`: of every padded input. */
  readonly pads: readonly { readonly input: string | undefined; readonly text: string }[];
  /** `like`: the input axis whose length the output has; undefined = the only padded one; 'none' = it has none of them. */
  readonly crops: readonly { readonly at: NamedAxis; readonly like: NamedAxis | undefined | 'none' }[];
};

/** A tensor of the model: its spec, and the symbol of each axis of a row in the file ('' = it has none). */
export type SymbolicTensor = { readonly spec: TensorSpec; readonly symbols: readonly string[] };

type Axis = { readonly position: number; readonly axis: number };
type Sides = { readonly inputs: readonly SymbolicTensor[]; readonly outputs: readonly SymbolicTensor[] };

/** A short row is padded to what its bucket says, so the configuration decides how much memory a small request takes. */
const MAX_PADDED_BYTES = 256 * 2 ** 20;

const shown = ({ tensor, axis }: NamedAxis): string => `${tensor}[${axis}]`;
const isAt = (a: Axis, b: Axis): boolean => a.position === b.position && a.axis === b.axis;

/** The free axes of these tensors, in order. */
function freeAxes(tensors: readonly SymbolicTensor[]): (Axis & NamedAxis & { readonly symbol: string })[] {
  return tensors.flatMap(({ spec, symbols }, position) =>
    spec.shape.flatMap((dim, axis) =>
      dim === -1 ? [{ position, axis, tensor: spec.name, symbol: symbols[axis] ?? '' }] : [],
    ),
  );
}

function find(tensors: readonly SymbolicTensor[], named: NamedAxis, setting: string): Axis & { symbol: string } {
  const free = freeAxes(tensors);
  const found = free.find(({ tensor, axis }) => tensor === named.tensor && axis === named.axis);
  if (found) return found;
  const known = free.length > 0 ? `variable are ${free.map(shown).join(', ')}` : 'none is variable';
  throw new Error(`batchyard.${setting} names ${shown(named)}, which is no variable axis of the model: ${known}`);
}

function lengthOf(inputs: readonly SymbolicTensor[], at: NamedAxis | undefined): Axis[] {
  const free = freeAxes(inputs);
  if (at !== undefined) {
    const { symbol, ...own } = find(inputs, at, 'buckets');
    return symbol === '' ? [{ position: own.position, axis: own.axis }] : free.filter((one) => one.symbol === symbol);
  }
  const [first] = free;
  if (first === undefined) throw new Error('batchyard.buckets is given, but no axis of an input is variable');
  if (free.length > 1 && free.some(({ symbol }) => symbol === '' || symbol !== first.symbol)) {
    const example = `"${shown(first)}: 16,32"`;
    throw new Error(
      `batchyard.buckets does not say which of the variable axes ${free.map(shown).join(', ')} it is for: name it, as in ${example}`,
    );
  }
  return free;
}

/** Where the outputs have each padded length: by the symbols of the file, else by `batchyard.crop`. */
function cropsOf(
  { inputs, outputs }: Sides,
  lengths: readonly (readonly Axis[])[],
  crops: LengthSettings['crops'],
): Axis[][] {
  const cropped = lengths.map((): Axis[] => []);
  const asked = crops.map(({ at, like }) => ({ at: find(outputs, at, 'crop'), like }));
  const named = freeAxes(inputs);
  const lengthAt = (axis: Axis): number => lengths.findIndex((all) => all.some((one) => isAt(one, axis)));
  for (const { symbol, tensor, ...place } of freeAxes(outputs)) {
    const axis = { position: place.position, axis: place.axis };
    const explicit = asked.find(({ at }) => isAt(at, axis));
    const label = shown({ tensor, axis: axis.axis });
    if (explicit?.like === 'none') continue;
    if (explicit === undefined) {
      const sources = symbol === '' ? [] : named.filter((one) => one.symbol === symbol);
      if (sources.length === 0) {
        const why = `batchyard.buckets pads an input, but whether ${label} grows with it cannot be told from the file`;
        throw new Error(`${why}: add batchyard.crop with "${label}" to crop it, or "${label}: none" to leave it`);
      }
      sources.slice(0, 1).forEach((source) => cropped[lengthAt(source)]?.push(axis));
      continue;
    }
    if (explicit.like === undefined && lengths.length > 1)
      throw new Error(`batchyard.crop must say which input axis ${label} follows, as in "${label}: INPUT[0]"`);
    const index = explicit.like === undefined ? 0 : lengthAt(find(inputs, explicit.like, 'crop'));
    if (index < 0) throw new Error(`batchyard.crop lets ${label} follow an input axis that has no buckets`);
    cropped[index]?.push(axis);
  }
  return cropped;
}

function padOf({ name, datatype }: TensorSpec, pads: LengthSettings['pads']): string | undefined {
  const text = (pads.find(({ input }) => input === name) ?? pads.find(({ input }) => input === undefined))?.text;
  if (text !== undefined && datatype !== 'BYTES' && padElement(datatype, text) === undefined)
    throw new Error(`batchyard.pad_value "${text}" of ${name} is no value of ${datatype}`);
  return text;
}

/** Free axes without buckets count once: what they hold has come in a request. */
function checkMemory(inputs: readonly TensorSpec[], lengths: readonly BucketedLength[], rows: number): void {
  inputs.forEach(({ name, datatype, shape }, position) => {
    const largest = shape.map((dim, axis) => {
      const known = lengths.find((one) => one.inputs.some((place) => isAt(place, { position, axis })));
      return Math.abs(known?.sizes.at(-1) ?? dim);
    });
    const bytes = rows * elementCount(largest) * (ELEMENT_BYTES[datatype] || 8);
    if (bytes <= MAX_PADDED_BYTES || !lengths.some((one) => one.inputs.some((place) => place.position === position)))
      return;
    const mib = (count: number): number => Math.ceil(count / 2 ** 20);
    throw new Error(
      `batchyard.buckets lets a full batch take ${mib(bytes)} MiB for ${name}, and ${mib(MAX_PADDED_BYTES)} are allowed: lower the largest bucket or max_batch_size`,
    );
  });
}

/**
 * @param sides the model's tensors, and the rows of a full batch
 * @returns the model's inputs with their padding, and its bucketed lengths; undefined where the configuration has none
 * @throws Error with a sentence that names the fix
 */
export function planLengths(
  { inputs, outputs, rows }: Sides & { readonly rows: number },
  settings: LengthSettings | undefined,
): { inputs: TensorSpec[]; lengths: BucketedLength[] | undefined } {
  const specs = inputs.map(({ spec }) => spec);
  if (settings === undefined) return { inputs: specs, lengths: undefined };
  const axes = settings.buckets.map(({ at }) => lengthOf(inputs, at).map(({ position, axis }) => ({ position, axis })));
  const all = axes.flat();
  const twice = all.find((one, i) => all.findIndex((other) => isAt(one, other)) < i);
  if (twice) throw new Error(`batchyard.buckets gives ${specs[twice.position]?.name}[${twice.axis}] more than once`);
  const unknown = settings.pads.find(({ input }) => input !== undefined && !specs.some(({ name }) => name === input));
  if (unknown) throw new Error(`batchyard.pad_value names ${unknown.input}, which is no input of the model`);
  const crops = cropsOf({ inputs, outputs }, axes, settings.crops);
  const lengths = settings.buckets.map(({ sizes }, i) => ({
    sizes: [...sizes],
    inputs: axes[i] ?? [],
    outputs: crops[i] ?? [],
  }));
  checkMemory(specs, lengths, rows);
  return {
    inputs: specs.map((spec, position) => {
      const pad = all.some((one) => one.position === position) ? padOf(spec, settings.pads) : undefined;
      return pad === undefined ? spec : { ...spec, pad };
    }),
    lengths,
  };
}
