/** A load test that is started from the operations port: what may be asked for, and what is kept of it. */
import { z } from 'zod';

import { PRIORITY_CLASSES } from './job.ts';

/** It runs beside the gateway that it loads: bounded, so that nobody takes a cluster down by a slip of the hand. */
export const LOAD_LIMITS = { rate: 2_000, clients: 256, seconds: 60 } as const;
/** Kept in Redis, the newest first. */
export const KEPT_LOAD_TESTS = 20;

export const loadAskSchema = z.strictObject({
  model: z.string().min(1).max(256),
  priority: z.enum(PRIORITY_CLASSES).default('normal'),
  rate: z.number().positive().max(LOAD_LIMITS.rate).optional().describe('Open loop: requests a second.'),
  clients: z.int().min(1).max(LOAD_LIMITS.clients).optional().describe('Closed loop: each waits for its answer.'),
  seconds: z.number().min(1).max(LOAD_LIMITS.seconds).default(10).describe('That are measured.'),
  api_key: z.string().max(256).optional().describe('Of the public port, where it asks for one; not kept.'),
});
export type LoadAsk = z.infer<typeof loadAskSchema>;

const amount = z.number().min(0);
const count = z.int().min(0);

export const loadSecondSchema = z.object({
  at_s: count,
  ended: count,
  failed: count,
  p50_ms: amount.nullable(),
  p99_ms: amount.nullable(),
});
export const loadStepSchema = z.object({
  name: z.string(),
  offered_per_s: amount.nullable(),
  answered_per_s: amount,
  sent: count,
  failed: count.describe('Refused ones among them.'),
  p50_ms: amount.nullable(),
  p90_ms: amount.nullable(),
  p99_ms: amount.nullable(),
  p999_ms: amount.nullable(),
  max_ms: amount.nullable(),
  late_p99_ms: amount.nullable().describe('How late the generator itself was.'),
});
export type LoadStep = z.infer<typeof loadStepSchema>;

export const loadRunSchema = z.object({
  id: z.string(),
  state: z.enum(['running', 'done', 'stopped', 'failed']),
  started_at: z.string(),
  asked: z.object({
    model: z.string(),
    priority: z.enum(PRIORITY_CLASSES),
    rate: z.number().nullable(),
    clients: count.nullable(),
    seconds: z.number(),
  }),
  error: z.string().nullable(),
  steps: z.array(loadStepSchema),
  knee: z.string().nullable().describe('In a sentence.'),
  notes: z.array(z.string()),
  now: z
    .object({ step: z.string(), index: count, steps: count, open: count, seconds: z.array(loadSecondSchema) })
    .nullable()
    .describe('Of the step that runs.'),
});
export type LoadRun = z.infer<typeof loadRunSchema>;
