/** What is watched, from which value on it is bad, and what the value of now is. Pure. */
import type { ModelSample, Sample, Severity } from '@batchyard/shared/contract/sample';

import { countOf, quantile } from './histogram.ts';
import { latencyOf } from './figures.ts';

export type Rule = {
  readonly metric: string;
  readonly thresholds: Readonly<Record<Severity, number>>;
  readonly lowerIsWorse: boolean;
  /** In a sentence: what it is, and how its value is written. */
  readonly name: string;
  readonly write: (value: number) => string;
  /** Of the last minute's samples, the newest last; undefined where too little was measured. */
  readonly value: (samples: readonly Sample[]) => number | undefined;
};

/** Short enough to be of now, long enough for a percentile. */
const NOW_SAMPLES = 5;
const ERROR_SAMPLES = 10;
const HIT_SAMPLES = 60;
/** Fewer say nothing. */
const LEAST_REQUESTS = 10;
/** After 512 the cache itself passes by what hardly ever repeats: then its hit rate is nobody's concern. */
const LEAST_LOOKUPS = 600;
const USED_SAMPLES = 2;

const percent = (value: number): string => `${Math.round(value * 1_000) / 10} %`;
const sumOf = <T>(all: readonly T[], value: (one: T) => number): number =>
  all.reduce((sum, one) => sum + value(one), 0);
const modelsOf = (samples: readonly Sample[], last: number): ModelSample[] =>
  samples.slice(-last).flatMap(({ models }) => Object.values(models));
const ratio = (part: number, whole: number, least: number): number | undefined =>
  whole >= least ? part / whole : undefined;

function latency(samples: readonly Sample[]): number | undefined {
  const histogram = latencyOf(modelsOf(samples, NOW_SAMPLES));
  return countOf(histogram) >= LEAST_REQUESTS ? quantile(histogram, 0.95) : undefined;
}

/** Of answers or of jobs, whichever fail more: a job's failure is no failed answer to its submit. */
function errors(samples: readonly Sample[]): number | undefined {
  const models = modelsOf(samples, ERROR_SAMPLES);
  const answers = ratio(
    sumOf(models, (one) => one.errors),
    sumOf(models, (one) => one.requests),
    LEAST_REQUESTS,
  );
  const jobs = ratio(
    sumOf(models, (one) => one.failed),
    sumOf(models, (one) => one.ended),
    LEAST_REQUESTS,
  );
  return answers === undefined && jobs === undefined ? undefined : Math.max(answers ?? 0, jobs ?? 0);
}

/** Only while lookups are made. */
function hitRate(samples: readonly Sample[]): number | undefined {
  if (modelsOf(samples, USED_SAMPLES).every(({ hits, misses }) => hits + misses === 0)) return undefined;
  const models = modelsOf(samples, HIT_SAMPLES);
  const hits = sumOf(models, (one) => one.hits);
  return ratio(hits, hits + sumOf(models, (one) => one.misses), LEAST_LOOKUPS);
}

function cpu(samples: readonly Sample[]): number | undefined {
  const now = samples.slice(-NOW_SAMPLES);
  return now.length === 0 ? undefined : sumOf(now, (one) => one.cpu_share) / now.length;
}

export const RULES: readonly Rule[] = [
  {
    metric: 'latency_p95',
    thresholds: { warning: 100, critical: 500 },
    lowerIsWorse: false,
    name: 'the 95th percentile of latency',
    write: (value) => `${Math.round(value)} ms`,
    value: latency,
  },
  {
    metric: 'memory',
    // 400 and 480 MB of a process that may have 512.
    thresholds: { warning: 400 / 512, critical: 480 / 512 },
    lowerIsWorse: false,
    name: 'the memory of a process, of its budget,',
    write: percent,
    value: (samples) => samples.at(-1)?.memory.budget_share,
  },
  {
    metric: 'cpu',
    thresholds: { warning: 0.8, critical: 0.95 },
    lowerIsWorse: false,
    name: 'the busy share of the cores of a host',
    write: percent,
    value: cpu,
  },
  {
    metric: 'error_rate',
    thresholds: { warning: 0.05, critical: 0.15 },
    lowerIsWorse: false,
    name: 'the share of requests or jobs that fail',
    write: percent,
    value: errors,
  },
  {
    metric: 'queue_depth',
    thresholds: { warning: 100, critical: 500 },
    lowerIsWorse: false,
    name: 'the number of waiting jobs',
    write: (value) => String(Math.round(value)),
    value: (samples) => sumOf(modelsOf(samples, 1), (one) => one.depth),
  },
  {
    metric: 'cache_hit_rate',
    thresholds: { warning: 0.7, critical: 0.5 },
    lowerIsWorse: true,
    name: 'the hit rate of the cache',
    write: percent,
    value: hitRate,
  },
];
