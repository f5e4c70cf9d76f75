/**
 * What a model's configuration says of its queue, in the meaning of Triton's `dynamic_batching`: priority levels, and per
 * level how many may wait and what their timeouts are. A model that says nothing of it has none of this.
 */
import { z } from 'zod';

import { CLASS_PRIORITY, PRIORITY_CLASSES, type PriorityClass } from './job.ts';

export const queuePolicySchema = z.object({
  /** What a timeout does to a job that still waits: it fails, or goes behind all others of its level. */
  timeout_action: z.enum(['REJECT', 'DELAY']),
  /** 0: none. */
  default_timeout_ms: z.number().min(0),
  /** Whether a request may ask for a shorter one. */
  allow_timeout_override: z.boolean(),
  /** Jobs that may wait; 0: no limit of its own. */
  max_queue_size: z.int().min(0),
});
export type QueuePolicy = z.infer<typeof queuePolicySchema>;

export const queueingSchema = z.object({
  /** 0: requests cannot name a level, and the default policy is that of the whole queue. */
  priority_levels: z.int().min(0),
  default_priority_level: z.int().min(0),
  default_policy: queuePolicySchema.optional(),
  /** By level; the others have the default policy. */
  policies: z.record(z.string(), queuePolicySchema),
});
export type Queueing = z.infer<typeof queueingSchema>;

/**
 * Level 1 is the most urgent. Up to four levels are the first so many classes; more are spread over the four evenly:
 * of eight, 1 and 2 are critical, 3 and 4 high, …
 */
export function classOfLevel(level: number, levels: number): PriorityClass {
  const class1 = levels <= PRIORITY_CLASSES.length ? level : Math.ceil((level * PRIORITY_CLASSES.length) / levels);
  return PRIORITY_CLASSES[class1 - 1] ?? 'low';
}

/** The most urgent level of a class, or undefined where the model's levels do not reach it. */
export function levelOfClass(priority: PriorityClass, levels: number): number | undefined {
  for (let level = 1; level <= levels; level += 1) if (classOfLevel(level, levels) === priority) return level;
  return undefined;
}

export const policyOfLevel = (queueing: Queueing, level: number | undefined): QueuePolicy | undefined =>
  queueing.policies[String(level)] ?? queueing.default_policy;

/** How many jobs may wait: in all, and of each class from critical to low; 0 = no limit of its own. */
export type QueueLimits = { readonly total: number; readonly byClass: readonly number[] };

/** Levels that share a class share the sum of their places, and one without a limit frees them all. */
export function queueLimits(queueing: Queueing | undefined): QueueLimits | undefined {
  if (!queueing) return undefined;
  const levels = queueing.priority_levels;
  if (levels === 0) {
    const total = queueing.default_policy?.max_queue_size ?? 0;
    return total > 0 ? { total, byClass: [0, 0, 0, 0] } : undefined;
  }
  const sizes: number[][] = [[], [], [], []];
  for (let level = 1; level <= levels; level += 1) {
    const size = policyOfLevel(queueing, level)?.max_queue_size ?? 0;
    sizes[CLASS_PRIORITY[classOfLevel(level, levels)] - 1]?.push(size);
  }
  const byClass = sizes.map((own) => (own.includes(0) ? 0 : own.reduce((sum, size) => sum + size, 0)));
  return byClass.some((size) => size > 0) ? { total: 0, byClass } : undefined;
}
