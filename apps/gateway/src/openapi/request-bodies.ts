/** Bodies of operations routes: the routes check with these schemas, and the document shows them. */
import { MOST_WORKERS } from '@batchyard/shared/contract/scaling';
import { z } from 'zod';

export const scaleBody = z.strictObject({
  count: z.int().min(1).max(MOST_WORKERS).describe('Workers of all supervisors together.'),
});

export const drainBody = z.strictObject({
  exit: z.boolean().default(false).describe('Whether its process ends once it has finished.'),
});

export const LEAST_CACHE_BYTES = 65_536;
export const MOST_CACHE_BYTES = 2 ** 34;
export const MOST_CACHE_TTL_S = 86_400;
/** `{}`: as configured. */
export const cacheBody = z.union([
  z.strictObject({}).transform(() => undefined),
  z.strictObject({
    bytes: z.number().min(LEAST_CACHE_BYTES).max(MOST_CACHE_BYTES).describe('Of the tier in each gateway.'),
    ttl_s: z.number().positive().max(MOST_CACHE_TTL_S).describe('Of both tiers.'),
  }),
]);
