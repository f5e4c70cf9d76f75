/** One second of the whole cluster, merged from what gateways, workers and queues tell. Pure: time and what was told come in. */
import type { Heartbeat, LoadedModel } from '@batchyard/shared/contract/heartbeat';
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';
import type { ModelSample, ModelTally, ProcessLine, Sample, Second } from '@batchyard/shared/contract/sample';

import { decodeHistogram, encodeHistogram, mergeHistograms } from './histogram.ts';
import type { Beat, Rates } from './worker-rates.ts';

/** What a queue tells; the counters are of its whole life. */
export type QueueLook = {
  readonly depth: number;
  readonly active: number;
  readonly oldestMs: number;
  readonly ended: number;
  readonly failed: number;
  readonly sla: Readonly<
    Record<PriorityClass, { readonly met: number; readonly at_risk: number; readonly violated: number }>
  >;
};
export type RedisLook = {
  readonly usedBytes: number;
  readonly memoryShare: number;
  readonly opsPerS: number;
  readonly cpuS: number;
};

export type SampleParts = {
  readonly nowMs: number;
  /** Of the sample before, where there is one. */
  readonly beforeMs: number | undefined;
  readonly upto: string;
  readonly seconds: readonly Second[];
  readonly beats: readonly Beat[];
  readonly rates: (queue: string) => Rates;
  readonly queues: ReadonlyMap<string, QueueLook>;
  /** As they were at the sample before, where this gateway made it. */
  readonly queuesBefore: ReadonlyMap<string, QueueLook>;
  readonly redis: RedisLook;
  readonly redisBefore: RedisLook | undefined;
};

const SECOND_MS = 1_000;
/** What happened in a longer gap was not told by anybody. */
const LONGEST_GAP_MS = 10_000;
const SILENT_MS = 3_500;
const PROCESSES_TOLD = 32;
const MODELS_TOLD = 64;

const sum = <T>(all: readonly T[], value: (one: T) => number): number => all.reduce((so, one) => so + value(one), 0);
/** A sample is kept 3,600 times. */
const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : rounded(values.reduce((so, value) => so + value, 0) / values.length);
const grown = (now: number, before: number | undefined): number =>
  before === undefined ? 0 : Math.max(0, now - before);

/** Tallies of several gateways, or seconds, as one. */
function mergeTallies(tallies: readonly ModelTally[]): ModelTally {
  const latency = PRIORITY_CLASSES.flatMap((name) => {
    const texts = tallies.flatMap((one) => one.latency[name] ?? []);
    if (texts.length === 0) return [];
    const [only] = texts;
    return [
      [
        name,
        texts.length === 1 && only !== undefined ? only : encodeHistogram(mergeHistograms(texts.map(decodeHistogram))),
      ],
    ];
  });
  return {
    requests: sum(tallies, (one) => one.requests),
    errors: sum(tallies, (one) => one.errors),
    hits: sum(tallies, (one) => one.hits),
    misses: sum(tallies, (one) => one.misses),
    latency: Object.fromEntries(latency) as ModelTally['latency'],
  };
}

function workerLine({ id, host, host_cores, cpu_cores, rss_bytes, memory }: Heartbeat): ProcessLine {
  return {
    name: id,
    kind: 'worker',
    host,
    cores: host_cores ?? 0,
    cpu_cores: cpu_cores ?? 0,
    rss_bytes,
    budget_bytes: memory?.budget_bytes ?? 0,
  };
}

/** The last of each gateway. */
function gatewayLines(seconds: readonly Second[]): ProcessLine[] {
  return [...new Map(seconds.map(({ gateway, process }) => [gateway, process])).values()];
}

/** Of the host that is busiest, the share of its cores that our processes keep busy. */
function cpuShare(processes: readonly ProcessLine[]): number {
  const hosts = [...new Set(processes.map(({ host }) => host))];
  const shares = hosts.map((host) => {
    const own = processes.filter((one) => one.host === host);
    const cores = Math.max(...own.map((one) => one.cores));
    return cores > 0 ? sum(own, (one) => one.cpu_cores) / cores : 0;
  });
  return Math.max(0, ...shares);
}

const NO_TALLY: ModelTally = { requests: 0, errors: 0, hits: 0, misses: 0, latency: {} };

function modelSample(queue: string, parts: SampleParts, loaded: readonly LoadedModel[]): ModelSample {
  const look = parts.queues.get(queue);
  const before = parts.queuesBefore.get(queue);
  const own = loaded.filter((one) => one.queue === queue);
  const rates = parts.rates(queue);
  return {
    ...mergeTallies([NO_TALLY, ...parts.seconds.flatMap(({ models }) => models[queue] ?? [])]),
    rows_per_s: rounded(rates.rows),
    batches_per_s: rounded(rates.batches),
    depth: look?.depth ?? 0,
    oldest_ms: Math.round(look?.oldestMs ?? 0),
    active: look?.active ?? 0,
    workers: own.length,
    // 0 of those that have not run it.
    fill: mean(own.flatMap((one) => one.fill || [])),
    efficiency: mean(own.flatMap((one) => one.efficiency || [])),
    ended: grown(look?.ended ?? 0, before?.ended),
    failed: grown(look?.failed ?? 0, before?.failed),
  };
}

function slaOf({ queues, queuesBefore }: SampleParts): Sample['sla'] {
  const classes = PRIORITY_CLASSES.flatMap((name) => {
    const ofClass = (value: (of: QueueLook['sla'][PriorityClass]) => number): number =>
      sum([...queues], ([queue, look]) => {
        const before = queuesBefore.get(queue);
        return grown(value(look.sla[name]), before && value(before.sla[name]));
      });
    const told = { met: ofClass((of) => of.met + of.at_risk), violated: ofClass((of) => of.violated) };
    return told.met + told.violated > 0 ? [[name, told]] : [];
  });
  return Object.fromEntries(classes) as Sample['sla'];
}

/** Without the alerts, which are decided from it. */
export function makeSample(parts: SampleParts): Omit<Sample, 'alerts'> {
  const { nowMs, beforeMs, upto, seconds, redis, redisBefore } = parts;
  const coversMs = beforeMs === undefined ? SECOND_MS : Math.min(LONGEST_GAP_MS, Math.max(1, nowMs - beforeMs));
  const heard = parts.beats.filter(({ silentMs }) => silentMs < SILENT_MS).map(({ heartbeat }) => heartbeat);
  const loaded = heard.flatMap(({ models }) => models);
  const processes = [...gatewayLines(seconds), ...heard.map(workerLine)].sort((a, b) => b.rss_bytes - a.rss_bytes);
  const shares = processes.filter((one) => one.budget_bytes > 0).map((one) => one.rss_bytes / one.budget_bytes);
  const names = new Set([...seconds.flatMap(({ models }) => Object.keys(models)), ...parts.queues.keys()]);
  const models = [...names].slice(0, MODELS_TOLD).map((queue) => [queue, modelSample(queue, parts, loaded)] as const);
  const concurrent = new Map(seconds.map(({ gateway, concurrency }) => [gateway, concurrency]));
  return {
    at_ms: nowMs,
    covers_ms: coversMs,
    upto,
    gateways: concurrent.size,
    concurrency: sum([...concurrent.values()], (own) => own),
    models: Object.fromEntries(models),
    sla: slaOf(parts),
    processes: processes.slice(0, PROCESSES_TOLD).map((one) => ({ ...one, cpu_cores: rounded(one.cpu_cores) })),
    memory: {
      rss_bytes: sum(processes, (one) => one.rss_bytes),
      processes: processes.length,
      budget_share: rounded(Math.max(0, ...shares)),
    },
    cpu_share: rounded(cpuShare(processes)),
    redis: {
      used_bytes: redis.usedBytes,
      memory_share: redis.memoryShare,
      ops_per_s: redis.opsPerS,
      cpu_cores: redisBefore ? rounded((Math.max(0, redis.cpuS - redisBefore.cpuS) * 1_000) / coversMs) : 0,
    },
  };
}
