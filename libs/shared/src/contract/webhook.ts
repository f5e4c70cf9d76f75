/** Webhooks on their way: what is kept of each in Redis, so that any gateway can deliver it. */
import { z } from 'zod';

import { parseFailedReason } from './failure.ts';
import type { JobStatus } from './job.ts';

/** Written with the job. */
export const hookRecordSchema = z.object({
  url: z.string(),
  queue: z.string(),
  tenant: z.string(),
  submittedMs: z.number(),
});
export type HookRecord = z.infer<typeof hookRecordSchema>;

/** Who is called, with its port: what a receiver's calls are counted by. */
export const hostOf = ({ url }: Pick<HookRecord, 'url'>): string => (URL.canParse(url) ? new URL(url).host : '');

const attemptSchema = z.object({
  atMs: z.number(),
  /** HTTP status, where there was an answer. */
  status: z.number().optional(),
  /** Why there was none. */
  error: z.string().optional(),
  tookMs: z.number(),
});

export const HOOK_STATES = ['pending', 'delivered', 'stopped', 'failed'] as const;

/** One end of a job, and the attempts to tell it. A job that was tried again has several. */
export const deliverySchema = z.object({
  /** As replies say it. */
  outcome: z.enum(['s', 'f']),
  /** A receipt, or `code: message`. */
  text: z.string(),
  atMs: z.number(),
  attempts: z.array(attemptSchema),
  /** Absent until the first attempt. `stopped`: the receiver said that it wants no more (410). */
  state: z.enum(HOOK_STATES).optional(),
  nextMs: z.number().optional(),
});
export type Delivery = z.infer<typeof deliverySchema>;

/** The gateway that no gateway is: who asks for a webhook has it told. */
export const WEBHOOKS = 'webhooks';

/** `webhook-id`: the same for every attempt. */
export const hookMessageId = (id: string, number: number): string => `msg_${id}_${number}`;

/** How the job ended. */
export function hookStatus({ outcome, text }: Pick<Delivery, 'outcome' | 'text'>): JobStatus {
  if (outcome === 's') return 'succeeded';
  const { code } = parseFailedReason(text);
  return code === 'cancelled' || code === 'expired' ? code : 'failed';
}

/** At least 24 bytes in base64, as Standard Webhooks has them. */
export const WEBHOOK_SECRET = /^whsec_(?:[A-Za-z0-9+/]{4}){8,85}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
