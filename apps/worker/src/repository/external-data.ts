/**
 * Weights that an ONNX file keeps in other files. Whoever may put a model into the repository must not be able to make the
 * worker read the rest of the machine with it, so such a file has to lie beside the model and be a file of its own: no
 * symbolic link, and no second name of a file that lies elsewhere.
 *
 * Field numbers are those of the ONNX format's schema (onnx.proto). Only the messages that lead to a tensor are gone through.
 */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

/** Which fields of a message hold which message. */
const LEADS = {
  model: { 7: 'graph', 20: 'training', 25: 'function' },
  training: { 1: 'graph', 2: 'graph' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
  entry: {},
} as const satisfies Readonly<Record<string, Readonly<Record<number, string>>>>;
type Kind = keyof typeof LEADS;

/** Graphs within graphs; the format's own readers stop at about as much. */
const DEEPEST = 100;
const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const FIXED_32 = 5;
const KEY = 1;
const VALUE = 2;

const unreadable = (): Error => new Error('the model file is not a readable ONNX file');

type Field = { readonly number: number; readonly bytes: Buffer | undefined };

/** @throws Error where the bytes are no message */
function* fields(message: Buffer): Generator<Field> {
  let at = 0;
  function varint(): number {
    let [value, scale] = [0, 1];
    for (let i = 0; i < 10; i += 1) {
      const byte = message[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw unreadable();
  }
  while (at < message.byteLength) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === VARINT) varint();
    const size = wire === LENGTH ? varint() : wire === FIXED_64 ? 8 : wire === FIXED_32 ? 4 : 0;
    if (![VARINT, FIXED_64, LENGTH, FIXED_32].includes(wire) || at + size > message.byteLength) throw unreadable();
    yield { number, bytes: wire === LENGTH ? message.subarray(at, at + size) : undefined };
    at += size;
  }
}

function locationOf(entry: Buffer): string | undefined {
  const texts = new Map(Array.from(fields(entry), ({ number, bytes }) => [number, bytes?.toString() ?? '']));
  return texts.get(KEY) === 'location' ? (texts.get(VALUE) ?? '') : undefined;
}

function collect(message: Buffer, kind: Kind, found: Set<string>, depth = 0): void {
  if (depth > DEEPEST) throw unreadable();
  const leads: Readonly<Record<number, Kind>> = LEADS[kind];
  for (const { number, bytes } of fields(message)) {
    const to = leads[number];
    if (to === undefined || bytes === undefined) continue;
    if (to !== 'entry') collect(bytes, to, found, depth + 1);
    else {
      const location = locationOf(bytes);
      if (location !== undefined) found.add(location);
    }
  }
}

/** The files that the model names, each once, in the order of their names. @throws Error where the bytes are no ONNX file */
export function externalLocations(model: Buffer): string[] {
  const found = new Set<string>();
  collect(model, 'model', found);
  return Array.from(found).toSorted();
}

/**
 * The absolute paths of the files that the model names, in the order of their names.
 * @param folder where the model file lies
 * @throws Error with a sentence that shows neither a path nor the name
 */
export async function externalFiles(model: Buffer, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const location of externalLocations(model)) {
    // Also no folder below: one could be a link.
    if (!/^[^/\\\0]+$/.test(location) || location === '.' || location === '..')
      throw new Error('the model keeps data outside its version folder');
    const file = join(folder, location);
    const stat = await lstat(file).catch(() => undefined);
    if (!stat) throw new Error('a file with data of the model is missing');
    if (!stat.isFile() || stat.nlink > 1) throw new Error('the model keeps data in a file that is a link');
    files.push(file);
  }
  return files;
}
