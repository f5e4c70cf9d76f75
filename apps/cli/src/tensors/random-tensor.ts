/** A tensor that fits what a model says of an input: the same for the same seed. */
import { halfBits } from '@batchyard/client/half';
import type { TensorMetadata } from '@batchyard/client/models';
import { elementCount, tensor, type Tensor } from '@batchyard/client/tensor';

/** A small generator with 32 bits of state (mulberry32); good enough for values that look different. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Sizes = { readonly rows: number; readonly length: number; readonly seed: number };

/** A free first axis has `rows`, any other free one `length`. Floats are from 0 to 1, integers from 0 to 9. */
export function randomTensor({ datatype, shape }: TensorMetadata, { rows, length, seed }: Sizes): Tensor {
  const random = createRandom(seed);
  const sized = shape.map((dim, axis) => (dim >= 0 ? dim : axis === 0 ? rows : length));
  const many = <T>(make: () => T): T[] => Array.from({ length: elementCount(sized) }, make);
  const digit = (): number => Math.floor(random() * 10);
  switch (datatype) {
    case 'BOOL':
      return tensor(
        'BOOL',
        sized,
        many(() => random() < 0.5),
      );
    case 'BYTES':
      return tensor(
        'BYTES',
        sized,
        many(() => `text ${digit()}`),
      );
    case 'FP16':
      return tensor('FP16', sized, halfBits(many(random)));
    case 'FP32':
    case 'FP64':
      return tensor(datatype, sized, many(random));
    case 'INT64':
    case 'UINT64':
      return tensor(
        datatype,
        sized,
        many(() => BigInt(digit())),
      );
    default:
      return tensor(datatype, sized, many(digit));
  }
}
