/**
 * The `data` array of an input from its JSON text into raw little-endian bytes (as the platforms of Node are).
 *
 * It may be flat or nested. Nesting is compared with the shape after axes of length 1 are left out on both sides, so
 * `[5]` and `[[5]]` are the same for shape [1,1], as in Triton, and `[[1,2],[3]]` fits no shape at all. Its depth is
 * counted from its own first bracket, as Triton does.
 */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Datatype } from '@batchyard/shared/contract/tensor';
import {
  CLOSE_ARRAY,
  COMMA,
  type JsonReader,
  MAX_DEPTH,
  OPEN_ARRAY,
  depthFailure,
  peek,
  unexpected,
} from './json-cursor.ts';
import { createElements } from './tensor-elements.ts';

export type TensorTarget = {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly elements: number;
};

const mismatch = (): Failure =>
  new Failure('invalid_input', "Unable to parse 'data': Shape does not match true shape of 'data' field");
const ragged = (): Failure => new Failure('invalid_input', "Unable to parse 'data': its nesting is ragged");

/** Lengths of the arrays at each depth, found so far; -1 before the first array of that depth has closed. */
type Nesting = { readonly lengths: number[]; readonly counts: number[]; leafDepth: number };

/** The reader stands at the `]` of an array at `depth`. */
function close(reader: JsonReader, nesting: Nesting, depth: number): void {
  const count = nesting.counts[depth - 1]!;
  const known = nesting.lengths[depth - 1]!;
  if (known >= 0 && known !== count) throw ragged();
  nesting.lengths[depth - 1] = count;
  reader.at += 1;
  if (depth > 1) nesting.counts[depth - 2]! += 1;
}

/** Opens as many arrays as stand at the reader. @returns the depth then reached */
function open(reader: JsonReader, nesting: Nesting, from: number): number {
  let depth = from;
  while (peek(reader) === OPEN_ARRAY) {
    if (depth === MAX_DEPTH) throw depthFailure();
    if (depth === nesting.leafDepth) throw ragged();
    reader.at += 1;
    if (depth === nesting.lengths.length) nesting.lengths.push(-1);
    nesting.counts[depth] = 0;
    depth += 1;
  }
  return depth;
}

function checkNesting(lengths: readonly number[], target: TensorTarget): void {
  if (lengths.length === 1 || target.elements === 0) return;
  const found = lengths.filter((length) => length !== 1);
  const wanted = target.shape.filter((dim) => dim !== 1);
  if (found.length > 1 && found.join() !== wanted.join()) throw mismatch();
}

/**
 * @param reader at the array; left behind it
 * @returns `target.elements` elements of the datatype, row-major, without padding
 * @throws Failure bad_request where the text is no JSON array or too deep, invalid_input where it does not fit the target
 */
export function readTensor(reader: JsonReader, target: TensorTarget): Uint8Array {
  if (target.datatype === 'FP16') {
    const advice = `Please use the binary data format for input ${target.name}`;
    throw new Failure('invalid_input', `receiving FP16 data via JSON is not supported. ${advice}`);
  }
  if (peek(reader) !== OPEN_ARRAY) throw new Failure('bad_request', "Unable to parse 'data': an array is expected");
  // An element takes two bytes of text at least: nothing is allocated for what cannot be there.
  if (2 * target.elements > reader.bytes.length - reader.at) throw mismatch();
  const sink = createElements(target.datatype, target.elements);
  const nesting: Nesting = { lengths: [], counts: [], leafDepth: -1 };
  let index = 0;
  let depth = open(reader, nesting, 0);
  for (;;) {
    if (peek(reader) !== CLOSE_ARRAY) {
      if (index === target.elements) throw mismatch();
      if (nesting.leafDepth < 0) nesting.leafDepth = depth;
      if (nesting.leafDepth !== depth) throw ragged();
      const from = index;
      index = sink.read(reader, index);
      nesting.counts[depth - 1]! += index - from;
      if (peek(reader) === COMMA) throw mismatch();
    }
    while (peek(reader) === CLOSE_ARRAY) {
      close(reader, nesting, depth);
      depth -= 1;
      if (depth === 0) break;
    }
    if (depth === 0) break;
    if (peek(reader) !== COMMA) throw unexpected(reader);
    reader.at += 1;
    if (peek(reader) !== OPEN_ARRAY) throw ragged();
    depth = open(reader, nesting, depth);
  }
  const deepest = nesting.lengths.length;
  if (index > 0 && nesting.leafDepth !== deepest) throw ragged();
  if (index !== target.elements) throw mismatch();
  checkNesting(nesting.lengths, target);
  return sink.data();
}
