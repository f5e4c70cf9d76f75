/**
 * What the steering gateway asks of a worker: absolute and idempotent, so that it may be lost, repeated or late.
 * Without a fresh one a worker serves by its own defaults.
 */
import { z } from 'zod';

export const directiveSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('serve'),
    /**
     * Queues in which the worker rests: it leaves them to others until the oldest job of a class has waited so long, or
     * four fifths of the SLA of its class, ms. In every other queue it takes what is there.
     */
    rests: z.record(z.string(), z.number().min(0)),
    reason: z.string(),
  }),
  z.object({ kind: z.literal('drain'), reason: z.string() }),
  z.object({ kind: z.literal('probe'), reason: z.string() }),
]);
export type Directive = z.infer<typeof directiveSchema>;
