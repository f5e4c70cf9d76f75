/** Whether an input that was validated once, perhaps for an earlier file of the model, fits the model as it is now. */
import { publicShape, type Model } from '@batchyard/shared/contract/model';
import type { TensorBlob } from '@batchyard/shared/contract/tensor-blob';

export function storedInputFits(model: Model, { tensors, requested }: TensorBlob): boolean {
  const fit = tensors.every(({ position, datatype, shape }) => {
    const spec = model.inputs[position];
    if (spec?.datatype !== datatype) return false;
    const expected = publicShape(model, spec);
    return shape.length === expected.length && expected.every((dim, axis) => dim < 0 || dim === shape[axis]);
  });
  const given = new Set(tensors.map(({ position }) => position));
  const complete = model.inputs.every((spec, position) => spec.optional === true || given.has(position));
  const rows = model.maxBatchSize > 0 ? (tensors[0]?.shape[0] ?? 0) : 1;
  const small = rows <= Math.max(1, model.maxBatchSize);
  return fit && complete && small && requested.every((position) => position < model.outputs.length);
}
