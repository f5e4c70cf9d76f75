/** A model as its workers announce it and its gateways validate against it. */
import { z } from 'zod';

import { batchingSchema } from './batching.ts';
import { queueingSchema } from './queueing.ts';
import { DATATYPES } from './tensor.ts';

/** One input or output. `shape` leaves the batch axis out (it is implied by maxBatchSize > 0); -1 = any length. */
export const tensorSpecSchema = z.object({
  name: z.string().min(1),
  datatype: z.enum(DATATYPES),
  shape: z.array(z.int().min(-1)),
  optional: z.boolean().optional(),
  /** What the padding of an input is filled with, as the configuration writes it; absent = zeros, or empty strings. */
  pad: z.string().optional(),
});
export type TensorSpec = z.infer<typeof tensorSpecSchema>;

const axisSchema = z.object({ position: z.int().min(0), axis: z.int().min(0) });

/**
 * One length that differs from request to request and is rounded up to the next size and padded. Axes are those of a row
 * (the batch axis does not count); the axes of all its inputs have the same length within a request.
 */
export const bucketedLengthSchema = z.object({
  /** Ascending. */
  sizes: z.array(z.int().min(1)).min(1),
  inputs: z.array(axisSchema).min(1),
  /** Where results have this length too, and are cropped back to it. */
  outputs: z.array(axisSchema),
});
export type BucketedLength = z.infer<typeof bucketedLengthSchema>;

export const modelSchema = z.object({
  name: z.string().min(1).max(128),
  version: z.string().min(1),
  platform: z.string(),
  /** 0: the model has no batch axis and runs one request at a time. */
  maxBatchSize: z.int().min(0),
  inputs: z.array(tensorSpecSchema),
  outputs: z.array(tensorSpecSchema).min(1),
  /** SHA-256 (hex) over the model file and what of its configuration changes results. */
  signature: z.string().min(8),
  /** SHA-256 (hex) of the model file. Workers of older versions leave this and `responseCache` out: then nothing is cached. */
  sha256: z.string().optional(),
  /** Its results may be kept and given again. */
  responseCache: z.boolean().optional(),
  /** What a NaN or an infinity in an input gets. */
  nan: z.enum(['reject', 'pass']),
  /** Absent: requests of different lengths never share a batch. */
  lengths: z.array(bucketedLengthSchema).optional(),
  /** How its batches are formed when nothing was changed since. Workers of older versions leave these two out. */
  batching: batchingSchema.optional(),
  queueing: queueingSchema.optional(),
  /** Changes with its ModelDetails; workers of older versions keep none. */
  details: z.string().optional(),
  /** Signatures of files that it has replaced and whose jobs it can run: their inputs and outputs are the same. */
  accepts: z.array(z.string()).max(16).optional(),
  /** It is no longer offered, unless a worker's heartbeat says that it still serves it. */
  withdrawn: z.boolean().optional(),
});
export type Model = z.infer<typeof modelSchema>;

/** A model or version name that may become a path segment, a queue name and a URL segment. */
export const MODEL_NAME = /^(?!\.)[A-Za-z0-9_.-]{1,128}$/;

/** The queue of a model's version, percent-encoded because BullMQ refuses `:` in a queue name. */
export function queueName(model: string, version: string): string {
  return `${encodeURIComponent(model)}@${encodeURIComponent(version)}`;
}

/** The inverse of `queueName`. */
export function modelOfQueue(queue: string): { model: string; version: string } {
  const at = queue.lastIndexOf('@');
  return { model: decodeURIComponent(queue.slice(0, at)), version: decodeURIComponent(queue.slice(at + 1)) };
}

/** Shape as clients see it: with the batch axis as -1 where the model has one. */
export function publicShape(model: Model, spec: TensorSpec): number[] {
  return model.maxBatchSize > 0 ? [-1, ...spec.shape] : spec.shape;
}
