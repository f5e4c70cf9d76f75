/** What the rules that tune the cluster have done, and the settings that they lay over the configured ones. */
import { z } from 'zod';

import { batchingChangeSchema } from './batching.ts';

export const TUNING_RULES = [
  'high_memory_cleanup',
  'cache_optimization',
  'batch_size_optimization',
  'queue_management',
] as const;
export type TuningRule = (typeof TUNING_RULES)[number];

/** Runs that are kept. */
export const RUNS_KEPT = 200;

/** Of a gateway's own tier; `ttl_s` of both. */
export const cacheLimitsSchema = z.object({ bytes: z.number().min(1), ttl_s: z.number().positive() });
export type CacheLimits = z.infer<typeof cacheLimitsSchema>;

/** One bounded change; `from` is what takes it back. */
export const tuningActionSchema = z.discriminatedUnion('kind', [
  /** Everything idle is let go, in gateways and workers: there is nothing to take back. */
  z.object({ kind: z.literal('clean_up') }),
  z.object({ kind: z.literal('cache'), from: cacheLimitsSchema, to: cacheLimitsSchema }),
  z.object({
    kind: z.literal('batching'),
    queue: z.string(),
    from: batchingChangeSchema,
    to: batchingChangeSchema,
  }),
  z.object({ kind: z.literal('worker'), supervisor: z.string(), from: z.int().min(1), to: z.int().min(1) }),
]);
export type TuningAction = z.infer<typeof tuningActionSchema>;

/** Of the target metric over the samples of a window. */
const measuredSchema = z.object({ samples: z.int().min(0), mean: z.number(), deviation: z.number().min(0) });
export type Measured = z.infer<typeof measuredSchema>;

export const tuningRunSchema = z.object({
  id: z.string(),
  rule: z.enum(TUNING_RULES),
  by: z.enum(['rule', 'hand']),
  at_ms: z.number(),
  action: tuningActionSchema,
  reason: z.string(),
  metric: z.string(),
  /** Of which model the metric is; absent: of all. */
  queue: z.string().optional(),
  before: measuredSchema,
  after: measuredSchema.optional(),
  /**
   * `rolled_back`: it made the metric worse beyond noise, and was taken back where it can be. `unmeasured`: too little was, and
   * it was taken back as well. `overruled`: somebody else has changed the setting meanwhile, and that stays.
   */
  outcome: z.enum(['measuring', 'kept', 'rolled_back', 'unmeasured', 'overruled']),
});
export type TuningRun = z.infer<typeof tuningRunSchema>;

/** `again_ms`: not before. `worse`: how often in a row it was rolled back. */
const ruleStateSchema = z.object({ again_ms: z.number(), worse: z.int().min(0) });

export const tuningStateSchema = z.object({
  runs: z.array(tuningRunSchema).max(RUNS_KEPT),
  rules: z.partialRecord(z.enum(TUNING_RULES), ruleStateSchema),
});
export type TuningState = z.infer<typeof tuningStateSchema>;
