/**
 * What the steering gateway asks of a worker: absolute and idempotent, so that it may be lost, repeated or late.
 * Without a fresh one a worker serves by its own defaults.
 */
import { z } from 'zod';

export const directiveSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('serve'),
    /** Rows the worker may hold at once; absent = its own capacity. */
    pull_limit: z.int().min(1).optional(),
    /** A job younger than this is left to others. */
    min_age_ms: z.number().min(0).optional(),
    reason: z.string(),
  }),
  z.object({ kind: z.literal('drain'), reason: z.string() }),
  z.object({ kind: z.literal('probe'), reason: z.string() }),
]);
export type Directive = z.infer<typeof directiveSchema>;
