/** What both systems put through the queue: 3 KB of tensor in, ten floats out, fresh bytes for every job. */

const FLOATS = 768;
const DISTINCT = 64;

const inputs = Array.from({ length: DISTINCT }, (_, i) =>
  Float32Array.from({ length: FLOATS }, (_value, j) => ((i * FLOATS + j) * 7919) % 1000),
);
export const INPUT_SHAPE = [1, FLOATS];
export const OUTPUT_SHAPE = [1, 10];

/** 3,072 bytes; one of 64. */
export function inputBytes(job: number): Uint8Array {
  const values = inputs[job % DISTINCT] as Float32Array;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** 40 bytes taken from the input, so that it has to be decoded. */
export const outputBytes = (input: Uint8Array): Uint8Array => input.subarray(0, 40);

/** Jobs that one call adds, in both systems. */
export const JOBS_PER_CALL = 64;
export const CONSUMER_ROWS = 64;

/** A queue under load: how the parent drives either side of either system. */
export type LoadSettings = {
  readonly redisUrl: string;
  readonly kind: 'attached' | 'durable' | 'bullmq';
  /** Jobs that may be anywhere between added and finished. */
  readonly window: number;
  /** How long finished jobs are kept, in s: short, so that a round soon trims as much as it adds. */
  readonly keepS: number;
  /** Jobs that may wait, where that is not the queue's own bound. */
  readonly maxWaiting?: number;
};
export type Sample = { readonly jobs: number; readonly cpuMicros: number };
/** `takes`: also those that found nothing. */
export type TakeSample = Sample & { readonly takes: number; readonly batches: number };
/** `busyMs`: from the take of each batch to its end. */
export type WorkerSample = TakeSample & { readonly busyMs: number };
/** How a consumer rests (TakeRequest); undefined: not at all. */
export type TakeRest = { readonly restMs: number; readonly restRows: number; readonly restWhileTakenMs: number };
