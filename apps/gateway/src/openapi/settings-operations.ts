/** Operations routes of settings that can be changed while the cluster serves. */
import { TUNING_RULES } from '@batchyard/shared/contract/tuning';
import { z } from 'zod';

import { jsonBody, type Operation, told } from './operation.ts';
import { model } from './parameters.ts';
import { cacheBody } from './request-bodies.ts';
import {
  balancer,
  balancerChange,
  batchingChange,
  cachePurged,
  cacheStats,
  cacheTuned,
  modelBatching,
  tuningAsked,
  tuningList,
  tuningProposal,
} from './settings-schemas.ts';

const BATCHES = 'Balancing and batching';
const CACHE = 'Cache';
const TUNING = 'Tuning';
const REDIS = ['queue_unavailable', 'internal'] as const;
const BODY = ['bad_request', 'too_large', 'unsupported_encoding', ...REDIS] as const;

export const SETTINGS_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/balancer',
    id: 'getBalancer',
    tag: BATCHES,
    summary: 'How work is spread over the workers',
    answers: [told(200, 'Settings, and how each worker stands.', balancer)],
    failures: REDIS,
  },
  {
    method: 'put',
    path: '/v1/balancer',
    id: 'changeBalancer',
    tag: BATCHES,
    summary: 'Spread it otherwise',
    description: 'Kept in Redis; holds for all gateways within about two seconds.',
    body: jsonBody(balancerChange, { strategy: 'round_robin' }, 'All that is to differ from the configuration.'),
    answers: [told(200, 'As it is from now on.', balancer)],
    failures: BODY,
  },
  {
    method: 'get',
    path: '/v1/models/{model}/batching',
    id: 'getBatching',
    tag: BATCHES,
    summary: 'How batches of a model are formed',
    parameters: [model],
    answers: [told(200, 'Of each version.', modelBatching)],
    failures: ['model_not_found', ...REDIS],
  },
  {
    method: 'put',
    path: '/v1/models/{model}/batching',
    id: 'changeBatching',
    tag: BATCHES,
    summary: 'Form them otherwise',
    description: 'Kept in Redis; every worker follows within a second.',
    parameters: [model],
    body: jsonBody(
      batchingChange,
      { strategy: 'dynamic', preferred_rows: [4, 8], max_wait_ms: 2 },
      'All that is to differ from the configuration of the model.',
    ),
    answers: [told(200, 'As it is from now on.', modelBatching)],
    failures: [...BODY, 'model_not_found'],
  },
  {
    method: 'get',
    path: '/v1/cache',
    id: 'getCache',
    tag: CACHE,
    summary: 'Hits, misses and tiers of the cache',
    answers: [told(200, 'Since this gateway began.', cacheStats)],
  },
  {
    method: 'put',
    path: '/v1/cache',
    id: 'changeCache',
    tag: CACHE,
    summary: 'Other limits of the cache',
    description: 'Every gateway follows within a second or two.',
    body: jsonBody(cacheBody, { bytes: 134_217_728, ttl_s: 900 }, 'Both limits, or `{}`: as configured.'),
    answers: [told(202, 'They are asked for.', cacheTuned)],
    failures: BODY,
  },
  {
    method: 'delete',
    path: '/v1/cache',
    id: 'purgeCache',
    tag: CACHE,
    summary: 'Forget all results',
    description: 'Other gateways follow within a second.',
    answers: [told(200, 'They are forgotten.', cachePurged)],
    failures: REDIS,
  },
  {
    method: 'delete',
    path: '/v1/cache/{model}',
    id: 'purgeCacheOfModel',
    tag: CACHE,
    summary: 'Forget the results of a model',
    parameters: [model],
    answers: [told(200, 'They are forgotten.', cachePurged)],
    failures: ['model_not_found', ...REDIS],
  },
  {
    method: 'get',
    path: '/v1/optimizations',
    id: 'listTuning',
    tag: TUNING,
    summary: 'What the rules have done, and what each has brought',
    answers: [told(200, 'Rules, and the last 200 runs.', tuningList)],
    failures: REDIS,
  },
  {
    method: 'post',
    path: '/v1/optimizations/{rule}/run',
    id: 'runTuning',
    tag: TUNING,
    summary: 'Run a rule now, or ask what it would do',
    description: 'It acts whatever its threshold, if there is something to do.',
    parameters: [
      {
        name: 'rule',
        in: 'path',
        description: 'Its name.',
        schema: z.enum(TUNING_RULES),
        example: 'cache_optimization',
      },
      {
        name: 'dry_run',
        in: 'query',
        description: '`1`: nothing is done.',
        schema: z.literal('1'),
        example: '1',
      },
    ],
    answers: [
      told(200, 'What it would do (`dry_run`).', tuningProposal),
      told(202, 'The gateway that steers does it within two seconds.', tuningAsked),
    ],
    failures: ['not_found', ...REDIS],
  },
];
