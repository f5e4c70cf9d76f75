/** How batches of a model are formed: what its configuration says, and what may be changed while it serves. */
import { z } from 'zod';

/** What each means is in libs/shared/src/batching/decide-batch.ts and docs/batching.md. */
export const STRATEGIES = ['adaptive', 'fixed', 'dynamic', 'latency-optimized'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What a body may set: what it leaves out stays as the model's configuration says. */
export const batchingChangeSchema = z.strictObject({
  strategy: z.enum(STRATEGIES).optional(),
  /** Rows of a batch at most; the model's max_batch_size stays the bound. */
  max_rows: z.int().min(1).max(4_096).optional(),
  /** How long the oldest job may wait for others, ms. */
  max_wait_ms: z.number().min(0).max(60_000).optional(),
  /** Sizes that `dynamic` runs at once. */
  preferred_rows: z.array(z.int().min(1).max(4_096)).max(64).optional(),
  /** A job is meant to be done this long after it came, ms; batches are kept that small where that helps. */
  target_ms: z.number().positive().max(3_600_000).optional(),
});
export type BatchingChange = z.infer<typeof batchingChangeSchema>;

/** What is in force. */
export const batchingSchema = z.object({
  strategy: z.enum(STRATEGIES),
  max_rows: z.int().min(1),
  max_wait_ms: z.number().min(0),
  preferred_rows: z.array(z.int().min(1)),
  target_ms: z.number().positive().optional(),
});
export type Batching = z.infer<typeof batchingSchema>;

/** The model's own settings with a change laid over them; no size is above the model's. */
export function changedBatching(own: Batching, change: BatchingChange | undefined): Batching {
  const given = Object.fromEntries(Object.entries(change ?? {}).filter(([, value]) => value !== undefined));
  const laid: Batching = { ...own, ...given };
  const maxRows = Math.min(own.max_rows, laid.max_rows);
  return { ...laid, max_rows: maxRows, preferred_rows: laid.preferred_rows.filter((rows) => rows <= maxRows) };
}
