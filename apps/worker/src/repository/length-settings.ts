/** The `batchyard.*` parameters about padding, from their texts; whether they fit the model is found when it is loaded. */
import type { LengthSettings, NamedAxis } from '../batching/plan-lengths.ts';

const MAX_SIZES = 64;
const MAX_SIZE = 2 ** 20;
const NAMED = /^(.+)\[(\d{1,2})\]$/;

const entries = (text: string): string[] =>
  text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

function namedAxis(text: string, key: string): NamedAxis {
  const [, tensor, axis] = NAMED.exec(text.trim()) ?? [];
  if (tensor === undefined) throw new Error(`${key}: "${text.trim()}" is not of the form NAME[axis]`);
  return { tensor, axis: Number(axis) };
}

/** What stands before and after the last `:` behind a name; names of tensors may have one themselves. */
function halves(entry: string): [string | undefined, string] {
  const at = entry.lastIndexOf(':');
  return at < 0 ? [undefined, entry] : [entry.slice(0, at).trim(), entry.slice(at + 1).trim()];
}

function sizesOf(text: string): number[] {
  const sizes = text.split(',').map((size) => (/^\s*\d+\s*$/.test(size) ? Number(size) : 0));
  const rising = sizes.every((size, i) => size > (sizes[i - 1] ?? 0) && size <= MAX_SIZE);
  if (!rising || sizes.length > MAX_SIZES)
    throw new Error(`batchyard.buckets: "${text}" must be up to ${MAX_SIZES} rising lengths from 1 to ${MAX_SIZE}`);
  return sizes;
}

function cropOf(entry: string): LengthSettings['crops'][number] {
  // "A[0]" alone has no colon behind its bracket, whatever its name has.
  if (!/\]\s*:/.test(entry)) return { at: namedAxis(entry, 'batchyard.crop'), like: undefined };
  const [output = '', input] = entry.split(/(?<=\])\s*:/);
  const like = input?.trim() === 'none' ? 'none' : namedAxis(input ?? '', 'batchyard.crop');
  return { at: namedAxis(output, 'batchyard.crop'), like };
}

/**
 * @returns undefined where there are no buckets
 * @throws Error that names the parameter, and says what to do where padding is asked for but not declared safe
 */
export function readLengthSettings(parameters: ReadonlyMap<string, string>): LengthSettings | undefined {
  const padding = parameters.get('batchyard.padding');
  const buckets = parameters.get('batchyard.buckets');
  if (padding !== undefined && padding !== 'safe') throw new Error('batchyard.padding must be safe, or left out');
  if (buckets === undefined) {
    const alone = ['batchyard.pad_value', 'batchyard.crop', 'batchyard.padding'].find((key) => parameters.has(key));
    if (alone !== undefined) throw new Error(`${alone} is given without batchyard.buckets`);
    return undefined;
  }
  if (padding === undefined) {
    throw new Error(
      'batchyard.buckets pads rows, which changes the results of many models: add batchyard.padding with "safe" if this one ignores what is padded, or remove batchyard.buckets, and only rows of equal shape share a batch',
    );
  }
  if (entries(buckets).length === 0) throw new Error('batchyard.buckets names no length');
  return {
    buckets: entries(buckets).map((entry) => {
      const [at, sizes] = halves(entry);
      return { at: at === undefined ? undefined : namedAxis(at, 'batchyard.buckets'), sizes: sizesOf(sizes) };
    }),
    // With a colon it names its input.
    pads: entries(parameters.get('batchyard.pad_value') ?? '').map((entry) => {
      const [input, text] = halves(entry);
      return { input, text };
    }),
    crops: entries(parameters.get('batchyard.crop') ?? '').map(cropOf),
  };
}
