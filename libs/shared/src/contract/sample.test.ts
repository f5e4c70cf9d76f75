import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';

import { packText, unpackText } from '../runtime/packed-text.ts';
import { SAMPLE_WORDS, sampleSchema, type ProcessLine, type Sample } from './sample.ts';

const process = (name: string, kind: ProcessLine['kind'], cpuCores: number, rssBytes: number): ProcessLine => {
  const place = { host: 'batchyard-7c9f', cores: 4, cpu_cores: cpuCores };
  return { name, kind, ...place, rss_bytes: rssBytes, budget_bytes: 536_870_912 };
};

/** A second of two gateways and two workers under load. */
const busy: Sample = {
  at_ms: 1_795_802_411_873,
  covers_ms: 1_003,
  upto: '1795802411871-0',
  gateways: 2,
  concurrency: 37,
  models: {
    'resnet@3': {
      requests: 418,
      errors: 2,
      hits: 97,
      misses: 321,
      latency: { critical: '4w.3 1.7 2 1.4', normal: '4q.12 1.31 1.64 1.58 1.40 2.9', low: '51.2 3' },
      rows_per_s: 331.87,
      batches_per_s: 26.91,
      depth: 14,
      oldest_ms: 21,
      active: 24,
      workers: 2,
      fill: 0.7719,
      efficiency: 0.9381,
      ended: 334,
      failed: 1,
    },
  },
  sla: { critical: { met: 19, violated: 0 }, normal: { met: 381, violated: 3 }, low: { met: 3, violated: 0 } },
  processes: [
    process('gateway-q3f1x0', 'gateway', 0.3172, 231_469_056),
    process('gateway-k81m7a', 'gateway', 0.2984, 228_073_472),
    process('worker-00z4t9', 'worker', 0.9417, 318_504_960),
    process('worker-vv2c6d', 'worker', 0.9283, 321_912_832),
  ],
  memory: { rss_bytes: 1_099_960_320, processes: 4, budget_share: 0.5122 },
  cpu_share: 0.6214,
  redis: { used_bytes: 23_817_216, memory_share: 0.0887, ops_per_s: 2_317, cpu_cores: 0.0619 },
  alerts: {},
};

test('a sample in Redis is at most three fifths of what it is without the words that all share', () => {
  const text = JSON.stringify(sampleSchema.parse(busy));
  const packed = packText(text, SAMPLE_WORDS);
  assert.equal(unpackText(packed, SAMPLE_WORDS), text);
  const without = deflateRawSync(text).toString('base64');
  assert.ok(packed.length <= 0.6 * without.length, `${packed.length} of ${without.length} bytes`);
});
