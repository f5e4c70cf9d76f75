/** What Triton's extensions of the protocol answer. */
import { z } from 'zod';

import { count } from './fields.ts';

const SIMPLE_TENSOR = { name: 'INPUT0', data_type: 'TYPE_INT32', dims: [16] };

export const modelConfiguration = z.record(z.string(), z.unknown()).meta({
  description:
    "Triton's ModelConfig (model_config.proto) with its field names in snake_case, all primitive fields present, and 64-bit integers as numbers.",
  examples: [{ name: 'simple', backend: 'onnxruntime', max_batch_size: 8, input: [SIMPLE_TENSOR] }],
});

const duration = z
  .object({ count, ns: count })
  .meta({ description: 'How often, and how many nanoseconds in all.', examples: [{ count: 2, ns: 1_500_000 }] });

const modelStatistics = z.object({
  name: z.string(),
  version: z.string(),
  last_inference: count.describe('Milliseconds since 1970; 0: never.'),
  inference_count: count.describe('Rows that ran.'),
  execution_count: count.describe('Runs.'),
  inference_stats: z.object({
    success: duration,
    fail: duration,
    queue: duration,
    compute_input: duration,
    compute_infer: duration,
    compute_output: duration,
    cache_hit: duration,
    cache_miss: duration,
  }),
  response_stats: z.object({}),
  batch_stats: z.array(
    z.object({
      batch_size: z.int().min(1),
      compute_input: duration,
      compute_infer: duration,
      compute_output: duration,
    }),
  ),
  memory_usage: z.array(z.unknown()).max(0),
});

const DURATION = { count: 2, ns: 1_500_000 };
const NONE = { count: 0, ns: 0 };
export const modelStats = z.object({ model_stats: z.array(modelStatistics) }).meta({
  description: 'Counted as Triton does: what the cache answered is in `success` and `queue` alone.',
  examples: [
    {
      model_stats: [
        {
          name: 'simple',
          version: '1',
          last_inference: 1_774_000_000_000,
          inference_count: 2,
          execution_count: 1,
          inference_stats: {
            success: DURATION,
            fail: NONE,
            queue: DURATION,
            compute_input: DURATION,
            compute_infer: DURATION,
            compute_output: DURATION,
            cache_hit: NONE,
            cache_miss: NONE,
          },
          response_stats: {},
          batch_stats: [{ batch_size: 2, compute_input: DURATION, compute_infer: DURATION, compute_output: DURATION }],
          memory_usage: [],
        },
      ],
    },
  ],
});

const verbosity = z.int().min(0).max(2).describe('1 shows what debug shows, 2 what trace shows.');
const file = z.literal('').describe('The standard output.');
const format = z.literal('default').describe('JSON lines.');
const shown = z.boolean();

export const logSettings = z
  .object({
    log_file: file,
    log_info: shown,
    log_warning: shown,
    log_error: shown,
    log_verbose_level: verbosity,
    log_format: format,
  })
  .meta({
    examples: [
      {
        log_file: '',
        log_info: true,
        log_warning: true,
        log_error: true,
        log_verbose_level: 0,
        log_format: 'default',
      },
    ],
  });
export const logChange = logSettings.partial();
export const SAMPLE_LOG_CHANGE = { log_verbose_level: 1 };

const off = z.literal('OFF');
export const traceSetting = z
  .object({ trace_level: z.array(off).length(1) })
  .meta({ examples: [{ trace_level: ['OFF'] }] });
export const traceChange = z.object({ trace_level: z.union([off, z.array(off).max(1), z.null()]).optional() });

export const noRegions = z.array(z.unknown()).max(0);
export const nothing = z.object({});

export const extensionSchemas = {
  LogSettings: logSettings,
  TraceSetting: traceSetting,
  ModelConfiguration: modelConfiguration,
  Duration: duration,
  ModelStatistics: modelStatistics,
  ModelStats: modelStats,
};
