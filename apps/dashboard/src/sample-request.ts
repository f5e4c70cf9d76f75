/** A valid request made from a model's metadata. Pure, but for the randomness that it is given. */
import type { Model, TensorSpec } from './types.ts';

/** Of an axis of any length. */
const FREE_AXIS = 8;
const WORDS = ['alpha', 'beta', 'gamma', 'delta'];

type Value = number | boolean | string;

function valueFor(datatype: string, random: () => number): Value {
  if (datatype === 'BOOL') return random() < 0.5;
  if (datatype === 'BYTES') return WORDS[Math.floor(random() * WORDS.length)] ?? '';
  if (datatype.startsWith('FP')) return Math.round(random() * 1_000) / 1_000;
  return Math.floor(random() * 10);
}

export function requestFor({ inputs, max_batch_size: most }: Model, random: () => number) {
  const tensor = ({ name, datatype, shape }: TensorSpec) => {
    const dims = shape.map((dim, axis) => (dim >= 0 ? dim : most > 0 && axis === 0 ? 1 : FREE_AXIS));
    const elements = dims.reduce((product, dim) => product * dim, 1);
    return { name, shape: dims, datatype, data: Array.from({ length: elements }, () => valueFor(datatype, random)) };
  };
  return { inputs: inputs.filter(({ optional }) => !optional).map(tensor) };
}
