/** What is kept of the first submit with an Idempotency-Key, so that the next one gets the same answer. */
import { z } from 'zod';

import { PRIORITY_CLASSES } from './job.ts';

/** All that the answer to a submit says. */
const ticketSchema = z.object({
  id: z.string(),
  model: z.string(),
  version: z.string(),
  priority: z.enum(PRIORITY_CLASSES),
  submittedMs: z.number(),
  timeoutMs: z.number(),
  durable: z.boolean(),
});
export type Ticket = z.infer<typeof ticketSchema>;

/** `fingerprint`: of the request, as another one with the same key is refused. */
export const claimRecordSchema = ticketSchema.extend({ fingerprint: z.string() });
export type ClaimRecord = z.infer<typeof claimRecordSchema>;
