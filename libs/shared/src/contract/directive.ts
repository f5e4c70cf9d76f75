/**
 * What the steering gateway asks of a worker: absolute and idempotent, so that it may be lost, repeated or late.
 * Without a fresh one a worker serves by its own defaults, but for one: who was drained stays drained until it hears
 * something else.
 */
import { z } from 'zod';

/** How a worker takes from one queue; what is absent bounds nothing. */
export const takeRuleSchema = z.object({
  /**
   * It rests: it leaves the queue to others until the oldest job of a class has waited so long, or four fifths of the SLA
   * of its class, ms.
   */
  rest_ms: z.number().min(0).optional(),
  /** However young they are it takes at once where so many rows wait: enough for those before it, and for itself. */
  rest_rows: z.int().min(1).optional(),
  /** It rests as well while anybody has taken jobs of the queue within so many ms. */
  rest_while_taken_ms: z.number().positive().optional(),
  /** Although it rests it takes one job at once this often, ms, so that its recovery is seen. */
  probe_ms: z.number().positive().optional(),
  /** Jobs of one take at most. */
  max_jobs: z.int().min(1).optional(),
  /** It takes in turns with others: by weight, and past its turn only what has waited `wait_ms` (or as for a rest). */
  turn: z.object({ weight: z.number().positive(), wait_ms: z.number().min(0) }).optional(),
  /** It holds at most an equal share, among so many workers, of the jobs that wait and run. */
  share_of: z.int().min(1).optional(),
});
export type TakeRule = z.infer<typeof takeRuleSchema>;

export const directiveSchema = z.discriminatedUnion('kind', [
  /** Serves; from a queue without a rule it takes what is there. */
  z.object({ kind: z.literal('serve'), takes: z.record(z.string(), takeRuleSchema), reason: z.string() }),
  /**
   * Takes nothing more and finishes what it holds; then it ends its process (`exit`), or stays as it is, state `draining`,
   * until it is told to serve. Said where there is a DrainWish for the worker.
   */
  z.object({ kind: z.literal('drain'), exit: z.boolean(), reason: z.string() }),
  /** Half open: of each queue it takes `max_jobs` at once every so often, and nothing else. */
  z.object({
    kind: z.literal('probe'),
    every_ms: z.number().positive(),
    max_jobs: z.int().min(1),
    reason: z.string(),
  }),
]);
export type Directive = z.infer<typeof directiveSchema>;

/**
 * That a worker be drained. Any gateway may write it (`drainWorker` of the queue operations: one field of the hash
 * `drainsKey`) or take it back (`undrainWorker`); the gateway that steers turns it into a directive within its next turn,
 * so that the worker stops taking within about two seconds. It stands until it is taken back, or the worker has not been
 * heard of for a minute.
 */
export const drainWishSchema = z.object({ exit: z.boolean(), reason: z.string().max(200) });
export type DrainWish = z.infer<typeof drainWishSchema>;
