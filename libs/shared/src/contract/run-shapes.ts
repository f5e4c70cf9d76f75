/**
 * The shapes in which a request's tensors run: as they are, or with their bucketed lengths rounded up. The gateway makes
 * the shape group of them and the worker stacks by them, so both must come to the same.
 */
import type { BucketedLength, Model } from './model.ts';

type Shaped = { readonly position: number; readonly shape: readonly number[] };

/** A request whose lengths no bucket takes; the sentence is for its sender. */
export class LengthError extends Error {
  readonly position: number;
  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}

/** The smallest size that takes the length; undefined when none does. */
export const bucketOf = (sizes: readonly number[], length: number): number | undefined =>
  sizes.find((size) => size >= length);

const batchAxes = (model: Pick<Model, 'maxBatchSize'>): number => (model.maxBatchSize > 0 ? 1 : 0);

/** A tensor of the request at each axis of a length, with what it has there; optional inputs may be absent. */
function measured(model: Pick<Model, 'maxBatchSize'>, { inputs }: BucketedLength, tensors: readonly Shaped[]) {
  return inputs.flatMap(({ position, axis }) => {
    const index = tensors.findIndex((tensor) => tensor.position === position);
    const length = tensors[index]?.shape[axis + batchAxes(model)];
    return length === undefined ? [] : [{ position, index, axis: axis + batchAxes(model), length }];
  });
}

/** What the request has of each of the model's bucketed lengths; undefined where none of its inputs has it. */
export const ownLengths = (
  model: Pick<Model, 'maxBatchSize' | 'lengths'>,
  tensors: readonly Shaped[],
): (number | undefined)[] => (model.lengths ?? []).map((length) => measured(model, length, tensors)[0]?.length);

/**
 * @param tensors inputs of one request, whose ranks fit the model
 * @returns their shapes in a run, in the same order
 * @throws LengthError
 */
export function runShapes(
  model: Pick<Model, 'name' | 'maxBatchSize' | 'inputs' | 'lengths'>,
  tensors: readonly Shaped[],
): (readonly number[])[] {
  if (model.lengths === undefined) return tensors.map(({ shape }) => shape);
  const shapes = tensors.map(({ shape }) => [...shape]);
  const nameOf = (position: number): string => model.inputs[position]?.name ?? '';
  for (const known of model.lengths) {
    const all = measured(model, known, tensors);
    const [first] = all;
    if (first === undefined) continue;
    const size = bucketOf(known.sizes, first.length);
    for (const { position, index, axis, length } of all) {
      const input = `input '${nameOf(position)}' for model '${model.name}'`;
      // Rounded up they would look alike, and the model could not find the mistake any more.
      if (length !== first.length) {
        const other = `input '${nameOf(first.position)}' has ${first.length}`;
        throw new LengthError(position, `unexpected shape for ${input}: ${length} in dimension ${axis}, but ${other}`);
      }
      if (size === undefined) {
        const most = `the model takes at most ${known.sizes.at(-1)}`;
        throw new LengthError(position, `${input} is too long: ${length} in dimension ${axis}, ${most}`);
      }
      const shape = shapes[index];
      if (shape) shape[axis] = size;
    }
  }
  return shapes;
}
