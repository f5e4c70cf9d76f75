/** What the operations listener tells of settings that can be changed while the cluster serves. */
import { BALANCER_STRATEGIES, balancerChangeSchema } from '@batchyard/shared/contract/balancer';
import { batchingChangeSchema, batchingSchema } from '@batchyard/shared/contract/batching';
import { takeRuleSchema } from '@batchyard/shared/contract/directive';
import { loadedModelSchema } from '@batchyard/shared/contract/heartbeat';
import {
  cacheLimitsSchema,
  TUNING_RULES,
  tuningActionSchema,
  tuningRunSchema,
} from '@batchyard/shared/contract/tuning';
import { z } from 'zod';

import { amount, count, share } from './fields.ts';

export const balancerChange = balancerChangeSchema.meta({
  description:
    'What is to differ from the configuration; `{}` takes everything back. docs/balancing.md tells what each means.',
  examples: [{ strategy: 'adaptive', weights: { load: 0.1, response: 0.6 } }],
});
const balancerSettings = z.object({
  strategy: z.enum(BALANCER_STRATEGIES),
  weights: z.object({ load: share, response: share, failures: share }),
});
const balanceLine = z
  .object({
    worker: z.string(),
    health: z.enum(['healthy', 'suspect', 'unhealthy', 'lost']),
    health_reason: z.string(),
    requests: count.describe('Jobs that ended.'),
    share: share.describe('Of the rows that all workers ran.'),
    success: share.nullable(),
    response_ms: amount,
    score: amount.describe('The lower the better.'),
    times_slow: amount.describe('Times as slow as the fastest.'),
    weight: amount,
    directive: z.enum(['serve', 'drain', 'probe']),
    takes: z.record(z.string(), takeRuleSchema).describe('By queue: how it takes from it.'),
    reason: z.string(),
  })
  .meta({ description: 'How a worker stands; figures of the last ten seconds.' });
export const balancer = balancerSettings
  .extend({
    steers: z.boolean().describe('This gateway tells the workers; another one tells what it would say.'),
    workers: z.array(balanceLine),
    configured: balancerSettings,
    changed: balancerChange,
  })
  .meta({ description: 'How work is spread over the workers.' });

export const batchingChange = batchingChangeSchema.meta({
  description:
    "What is to differ from the model's configuration; `{}` takes everything back. docs/batching.md tells what each means.",
  examples: [{ strategy: 'dynamic', preferred_rows: [4, 8], max_wait_ms: 2 }],
});
const ownBatching = loadedModelSchema.shape.batching.unwrap().extend({ id: z.string() });
export const modelBatching = z
  .object({
    versions: z.array(
      z.object({
        model: z.string(),
        version: z.string(),
        configured: batchingSchema,
        changed: batchingChange,
        effective: batchingSchema,
        workers: z.array(ownBatching).describe('What each worker follows now.'),
      }),
    ),
  })
  .meta({ description: 'How batches of a model are formed.' });

const tier = { hits: count, misses: count };
export const cacheStats = z
  .object({
    enabled: z.boolean(),
    hits: count,
    misses: count,
    shared: count.describe('Answered with an equal request that was under way.'),
    passed_by: count.describe('Not looked up, because hardly any repeats.'),
    hit_rate: share,
    tiers: z.object({
      memory: z
        .object({ ...tier, entries: count, bytes: count, limit_bytes: amount, evicted: count, expired: count })
        .partial({ entries: true, bytes: true, limit_bytes: true, evicted: true, expired: true }),
      redis: z
        .object({ ...tier, stored: count, skipped: count, bytes: count, limit_bytes: amount })
        .partial({ stored: true, skipped: true, bytes: true, limit_bytes: true }),
    }),
    bypassed: z.array(z.string()).describe('Queues that pass it by now.'),
  })
  .meta({ description: 'The cache as this gateway sees it; without the figures of a tier that is off.' });
export const cachePurged = z
  .object({ purged: z.string().describe('The model, or `all`.') })
  .meta({ examples: [{ purged: 'all' }] });
export const cacheTuned = z
  .object({ limits: z.union([cacheLimitsSchema, z.literal('as configured')]) })
  .meta({ examples: [{ limits: { bytes: 134_217_728, ttl_s: 900 } }] });

const tuningRun = tuningRunSchema.meta({ description: 'A change that a rule has made, and what was measured.' });
const tuningRule = z.object({
  rule: z.enum(TUNING_RULES),
  metric: z.string(),
  threshold: z.number(),
  cooldown_s: amount,
  again_ms: amount.nullable().describe('Not before; milliseconds since 1970.'),
  runs: count,
  kept: count,
  rolled_back: count,
  unmeasured: count,
  overruled: count,
  median_change: z.number().nullable().describe('(after - before) / before.'),
});
export const tuningList = z.object({
  auto: z.boolean().describe('The rules act by themselves.'),
  rules: z.array(tuningRule),
  runs: z.array(tuningRun).describe('The latest first.'),
});
export const tuningAsked = z
  .object({ rule: z.enum(TUNING_RULES), asked: z.literal(true) })
  .meta({ examples: [{ rule: 'queue_management', asked: true }] });
export const tuningProposal = z
  .object({
    rule: z.enum(TUNING_RULES),
    would_do: z
      .object({ action: tuningActionSchema, reason: z.string(), queue: z.string().optional() })
      .nullable()
      .describe('Null: nothing.'),
  })
  .meta({ examples: [{ rule: 'cache_optimization', would_do: null }] });

export const settingsSchemas = {
  Balancer: balancer,
  BalancerChange: balancerChange,
  BalancerSettings: balancerSettings,
  BalanceLine: balanceLine,
  TakeRule: takeRuleSchema,
  ModelBatching: modelBatching,
  BatchingChange: batchingChange,
  Batching: batchingSchema,
  CacheStats: cacheStats,
  CachePurged: cachePurged,
  CacheTuned: cacheTuned,
  TuningAction: tuningActionSchema,
  TuningRun: tuningRun,
  TuningRule: tuningRule,
  TuningList: tuningList,
  TuningAsked: tuningAsked,
  TuningProposal: tuningProposal,
};
