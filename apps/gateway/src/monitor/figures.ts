/** Samples as people and dashboards read them: rates and percentiles of a second, and what a window comes to. Pure. */
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';
import type { ModelSample, ModelTally, Sample } from '@batchyard/shared/contract/sample';

import { decodeHistogram, EMPTY, meanOf, mergeHistograms, quantile, type Histogram } from './histogram.ts';

type Latency = { readonly p50_ms: number; readonly p95_ms: number; readonly p99_ms: number };

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
const total = <T>(all: readonly T[], value: (one: T) => number): number =>
  all.reduce((sum, one) => sum + value(one), 0);
const shareOf = (part: number, whole: number): number | null => (whole > 0 ? rounded(part / whole) : null);

function percentiles(histogram: Histogram): Latency | null {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(histogram, q));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return null;
  return { p50_ms: rounded(p50), p95_ms: rounded(p95), p99_ms: rounded(p99) };
}

/** Of a class, or of all. */
export function latencyOf(tallies: readonly ModelTally[], priority?: PriorityClass): Histogram {
  const classes = priority ? [priority] : PRIORITY_CLASSES;
  return mergeHistograms(
    tallies.flatMap(({ latency }) => classes.flatMap((name) => latency[name] ?? []).map(decodeHistogram)),
  );
}

/** By class, where there were any, and of all of them. */
function latencies(tallies: readonly ModelTally[]): Record<string, Latency | null> {
  const classes = PRIORITY_CLASSES.map((name) => [name, percentiles(latencyOf(tallies, name))] as const);
  return { all: percentiles(latencyOf(tallies)), ...Object.fromEntries(classes.filter(([, found]) => found !== null)) };
}

function failedShare(models: readonly ModelSample[]): number | null {
  const answers = shareOf(
    total(models, (one) => one.errors),
    total(models, (one) => one.requests),
  );
  const jobs = shareOf(
    total(models, (one) => one.failed),
    total(models, (one) => one.ended),
  );
  return answers === null && jobs === null ? null : Math.max(answers ?? 0, jobs ?? 0);
}

function modelFigures(model: ModelSample, seconds: number) {
  return {
    requests_per_s: rounded(model.requests / seconds),
    rows_per_s: rounded(model.rows_per_s),
    latency: latencies([model]),
    error_rate: failedShare([model]),
    hit_rate: shareOf(model.hits, model.hits + model.misses),
    queue: { depth: model.depth, oldest_ms: model.oldest_ms, active: model.active },
    batch: {
      rows: shareOf(model.rows_per_s, model.batches_per_s),
      fill: model.fill === null ? null : rounded(model.fill),
      efficiency: model.efficiency === null ? null : rounded(model.efficiency),
    },
    workers: model.workers,
  };
}

/** Weighted by rows: a model that does nothing says nothing. */
function meanByRows(models: readonly ModelSample[], value: (one: ModelSample) => number | null): number | null {
  const known = models.filter((one) => value(one) !== null && one.rows_per_s > 0);
  return shareOf(
    total(known, (one) => (value(one) ?? 0) * one.rows_per_s),
    total(known, (one) => one.rows_per_s),
  );
}

/** One sample as it is shown. */
export function figuresOf(sample: Sample) {
  const seconds = sample.covers_ms / 1_000;
  const models = Object.values(sample.models);
  const sla = PRIORITY_CLASSES.flatMap((name) => {
    const own = sample.sla[name];
    return own ? [[name, shareOf(own.met, own.met + own.violated)] as const] : [];
  });
  return {
    at_ms: sample.at_ms,
    covers_ms: sample.covers_ms,
    gateways: sample.gateways,
    requests_per_s: rounded(total(models, (one) => one.requests) / seconds),
    rows_per_s: rounded(total(models, (one) => one.rows_per_s)),
    latency: latencies(models),
    error_rate: failedShare(models),
    hit_rate: shareOf(
      total(models, (one) => one.hits),
      total(models, (one) => one.hits + one.misses),
    ),
    concurrency: sample.concurrency,
    queue: {
      depth: total(models, (one) => one.depth),
      oldest_ms: Math.max(0, ...models.map((one) => one.oldest_ms)),
      active: total(models, (one) => one.active),
    },
    batch: {
      rows: shareOf(
        total(models, (one) => one.rows_per_s),
        total(models, (one) => one.batches_per_s),
      ),
      fill: meanByRows(models, (one) => one.fill),
      efficiency: meanByRows(models, (one) => one.efficiency),
    },
    sla: Object.fromEntries(sla),
    memory: { ...sample.memory, budget_share: rounded(sample.memory.budget_share) },
    cpu_share: rounded(sample.cpu_share),
    processes: sample.processes,
    redis: sample.redis,
    models: Object.fromEntries(
      Object.entries(sample.models).map(([queue, model]) => [queue, modelFigures(model, seconds)]),
    ),
    alerts: Object.entries(sample.alerts).flatMap(([metric, { raised }]) => (raised ? [{ metric, ...raised }] : [])),
  };
}
export type Figures = ReturnType<typeof figuresOf>;

type Spread = { readonly mean: number; readonly median: number; readonly p95: number; readonly p99: number };

/** Nearest rank, as the histograms have it. */
function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number => rounded(sorted[Math.floor(q * (sorted.length - 1))] ?? 0);
  return {
    mean: rounded(total(values, (value) => value) / values.length),
    median: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  };
}

/** Latency is spread over requests, not over seconds. */
function latencySpread(histogram: Histogram): Spread | null {
  const found = percentiles(histogram);
  return found && { mean: rounded(meanOf(histogram) ?? 0), median: found.p50_ms, p95: found.p95_ms, p99: found.p99_ms };
}

const SERIES: Readonly<Record<string, (of: Figures) => number | null | undefined>> = {
  requests_per_s: (of) => of.requests_per_s,
  rows_per_s: (of) => of.rows_per_s,
  error_rate: (of) => of.error_rate,
  hit_rate: (of) => of.hit_rate,
  concurrency: (of) => of.concurrency,
  queue_depth: (of) => of.queue.depth,
  queue_oldest_ms: (of) => of.queue.oldest_ms,
  batch_rows: (of) => of.batch.rows,
  batch_efficiency: (of) => of.batch.efficiency,
  memory_bytes: (of) => of.memory.rss_bytes,
  memory_budget_share: (of) => of.memory.budget_share,
  cpu_share: (of) => of.cpu_share,
  redis_memory_bytes: (of) => of.redis.used_bytes,
};

export type Summary = {
  add(sample: Sample): void;
  /** For each metric mean, median, p95 and p99; null where nothing was measured. */
  result(): Record<string, unknown>;
};

/** What a window of samples comes to; added one by one, so that an hour can be added in pieces. */
export function createSummary(): Summary {
  const series = new Map(Object.keys(SERIES).map((name): [string, number[]] => [name, []]));
  const latency = new Map<PriorityClass, Histogram>();
  const sla = new Map(PRIORITY_CLASSES.map((name) => [name, { met: 0, violated: 0 }]));
  let [samples, fromMs, toMs]: [number, number | null, number | null] = [0, null, null];
  return {
    add(sample) {
      const figures = figuresOf(sample);
      for (const [name, of] of Object.entries(SERIES)) series.get(name)?.push(...[of(figures) ?? []].flat());
      const tallies = Object.values(sample.models);
      for (const name of PRIORITY_CLASSES) {
        latency.set(name, mergeHistograms([latency.get(name) ?? EMPTY, latencyOf(tallies, name)]));
        const [all, own] = [sla.get(name), sample.sla[name]];
        if (all && own) [all.met, all.violated] = [all.met + own.met, all.violated + own.violated];
      }
      samples += 1;
      fromMs ??= sample.at_ms;
      toMs = sample.at_ms;
    },
    result() {
      const classes = [...latency].map(([name, found]) => [name, latencySpread(found)] as const);
      const attained = [...sla].map(([name, { met, violated }]) => [name, shareOf(met, met + violated)] as const);
      return {
        samples,
        from_ms: fromMs,
        to_ms: toMs,
        latency_ms: {
          all: latencySpread(mergeHistograms([...latency.values()])),
          ...Object.fromEntries(classes.filter(([, found]) => found !== null)),
        },
        ...Object.fromEntries([...series].map(([name, values]) => [name, spreadOf(values)])),
        /** Of all jobs of the window. */
        sla_attainment: Object.fromEntries(attained.filter(([, found]) => found !== null)),
      };
    },
  };
}
