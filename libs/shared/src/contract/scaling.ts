/**
 * How many workers each supervisor keeps. A supervisor reports itself once a second and reads what is wished of it; each has a
 * wish of its own, so that several of them never act on the same one.
 */
import { z } from 'zod';

/** Workers of one supervisor, at most. */
export const MOST_WORKERS = 256;
/** Where `BATCHYARD_WORKERS` is one number nothing scales by itself, and by hand up to this, or that number if it is more. */
export const MOST_BY_HAND = 16;

/** `auto`: a range was given, and the autoscaler moves within it. */
export const workerRangeSchema = z
  .object({ min: z.int().min(1).max(MOST_WORKERS), max: z.int().min(1).max(MOST_WORKERS), auto: z.boolean() })
  .refine(({ min, max }) => min <= max, 'the least number of workers is more than the most');
export type WorkerRange = z.infer<typeof workerRangeSchema>;

/** Of `BATCHYARD_WORKERS`: `3`, or `1:8`. @returns undefined where it is neither, or out of bounds */
export function parseWorkers(text: string): (WorkerRange & { readonly start: number }) | undefined {
  const [, least, most] = /^(\d{1,3})(?::(\d{1,3}))?$/.exec(text.trim()) ?? [];
  if (least === undefined) return undefined;
  const start = Number(least);
  const range =
    most === undefined
      ? { min: 1, max: Math.max(start, MOST_BY_HAND), auto: false }
      : { min: start, max: Number(most), auto: true };
  return start >= 1 && workerRangeSchema.safeParse(range).success ? { ...range, start } : undefined;
}

/** `workers`: how many it keeps now, those that start included. */
export const supervisorReportSchema = z.object({
  id: z.string(),
  host: z.string(),
  range: workerRangeSchema,
  workers: z.int().min(0),
});
export type SupervisorReport = z.infer<typeof supervisorReportSchema>;

/** Absolute, so that it may be read twice or never. What a person asked for stands for five minutes against the autoscaler. */
export const scaleWishSchema = z.object({
  count: z.int().min(1).max(MOST_WORKERS),
  by: z.enum(['autoscaler', 'hand']),
  reason: z.string().max(300),
});
export type ScaleWish = z.infer<typeof scaleWishSchema>;
