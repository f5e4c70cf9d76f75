/** The names of the models that models.ts makes, and what a row of them is. */
export const BENCH_MODELS = ['mid', 'mlp', 'cnn', 'heavy'] as const;
export type BenchModel = (typeof BENCH_MODELS)[number];

/** Shape of one row of INPUT (FP32); OUTPUT is FP32 [10]. */
export const ROW_SHAPE: Readonly<Record<BenchModel, readonly number[]>> = {
  mid: [768],
  mlp: [64],
  cnn: [3, 64, 64],
  heavy: [64],
};
/** Of `heavy` a full batch is what two rows alone would cost. */
export const MAX_BATCH: Readonly<Record<BenchModel, number>> = { mid: 64, mlp: 64, cnn: 64, heavy: 8 };

/** @param folder of all repositories */
export const modelFile = (folder: string, model: BenchModel): string => `${folder}/${model}/${model}/1/model.onnx`;
