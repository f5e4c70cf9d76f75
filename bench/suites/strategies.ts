/**
 * (e) The strategies side by side on `mid`, switched on one running system: open loops at low and medium load, a closed
 * loop that saturates it, in turns. Goodput counts answers within GOOD_MS; efficiency and fill are the worker's own sums
 * over the window.
 */
import { startSystem, until, type System } from '../../tests/support/system.ts';
import type { Figures } from '../figures.ts';
import type { OpenResult } from '../load/open-loop.ts';
import { MAX_BATCH } from '../model-rows.ts';
import { writeBenchModels } from '../models.ts';
import { startOwnRedis } from '../redis.ts';
import { median, quantile } from '../statistics.ts';
import type { Stage } from '../stage.ts';
import { mixOf } from './http.ts';

const GOOD_MS = 100;
/** Several full batches: fewer would measure the way round, not the batching. */
const CONNECTIONS = 256;
/** `low` comes one by one; `medium` is this share of what was measured at saturation. */
const LOW_RPS = 50;
const MEDIUM_SHARE = 0.4;
const LOADS = ['low', 'medium', 'saturated'] as const;
type Load = (typeof LOADS)[number];

const VARIANTS: Readonly<Record<string, Record<string, unknown>>> = {
  adaptive: { strategy: 'adaptive', max_wait_ms: 0 },
  fixed: { strategy: 'fixed', max_rows: 32, max_wait_ms: 5 },
  dynamic: { strategy: 'dynamic', preferred_rows: [8, 16, 32], max_wait_ms: 5 },
  'latency-optimized': { strategy: 'latency-optimized', target_ms: 20 },
};

/** What `adaptive` is held against. */
const OTHERS = ['fixed', 'dynamic', 'latency-optimized'];

type Row = {
  readonly goodput: number;
  readonly p50: number;
  readonly p99: number;
  readonly efficiency: number;
  readonly fill: number;
  readonly failed: number;
};
type Sums = { readonly rows: number; readonly batches: number; readonly busyS: number; readonly best: number };

const port = (system: System): number => Number(new URL(system.url).port);

/** The worker's own counters. */
async function sums(system: System): Promise<Sums> {
  const { workers } = (await (await fetch(`${system.ops}/v1/workers`)).json()) as { workers: { ops_port: number }[] };
  const text = await (await fetch(`http://127.0.0.1:${workers[0]?.ops_port}/metrics`)).text();
  const value = (name: string): number => Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    rows: value('batchyard_batch_rows_sum'),
    batches: value('batchyard_batch_rows_count'),
    busyS: value('batchyard_inference_compute_duration_seconds_sum'),
    best: value('batchyard_best_rows_per_second'),
  };
}

async function switchTo(system: System, settings: Record<string, unknown>): Promise<void> {
  const url = `${system.ops}/v1/models/mid/batching`;
  const answer = await fetch(url, { method: 'PUT', body: JSON.stringify(settings) });
  if (answer.status !== 200) throw new Error(await answer.text());
  await until(`the worker has ${JSON.stringify(settings)}`, async () => {
    const { versions } = (await (await fetch(url)).json()) as { versions: { workers: Record<string, unknown>[] }[] };
    const [worker] = versions[0]?.workers ?? [];
    const same = Object.entries(settings).every(([key, value]) => String(worker?.[key]) === String(value));
    return worker && same ? true : undefined;
  });
}

async function openRow(
  stage: Stage,
  system: System,
  rate: number,
  ms: number,
): Promise<Omit<Row, 'efficiency' | 'fill'>> {
  const load = { port: port(system), rate, seconds: ms / 1000, mix: mixOf('mid', 'json') };
  const { latencies, failed }: OpenResult = await stage.generator().ask('open', load);
  const good = latencies.filter((latency) => latency <= GOOD_MS).length;
  return { goodput: (1000 * good) / ms, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), failed };
}

async function closedRow(stage: Stage, system: System): Promise<Omit<Row, 'efficiency' | 'fill'>> {
  const { warmupMs, measureMs } = stage.plan.strategies;
  const generator = stage.generator();
  await generator.ask('start', { port: port(system), connections: CONNECTIONS, mix: mixOf('mid', 'json') });
  await generator.ask('measure', { ms: warmupMs });
  const { succeeded, seconds, latency, failures } = await generator.ask('measure', { ms: measureMs });
  await generator.ask('stop');
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return { goodput: succeeded / seconds, p50: latency.p50, p99: latency.p99, failed };
}

/** @param most answers a second at saturation */
async function measure(stage: Stage, system: System, load: Load, most: number): Promise<Row> {
  const { warmupMs, measureMs } = stage.plan.strategies;
  const rate = load === 'low' ? LOW_RPS : most * MEDIUM_SHARE;
  if (load !== 'saturated') await openRow(stage, system, rate, warmupMs);
  const before = await sums(system);
  const row = load === 'saturated' ? await closedRow(stage, system) : await openRow(stage, system, rate, measureMs);
  const after = await sums(system);
  const rows = after.rows - before.rows;
  const efficiency = rows / (after.busyS - before.busyS) / after.best;
  return { ...row, efficiency, fill: rows / (after.batches - before.batches) / MAX_BATCH.mid };
}

function tableOf(rows: ReadonlyMap<string, readonly Row[]>): string {
  const head = 'load      strategy             goodput/s   p50 ms   p99 ms  efficiency   fill';
  const lines = Array.from(rows, ([name, rounds]) => {
    const [load = '', variant = ''] = name.split(' ');
    const cell = (key: keyof Row, digits: number, width: number): string =>
      median(rounds.map((row) => row[key]))
        .toFixed(digits)
        .padStart(width);
    const numbers = [
      cell('goodput', 0, 9),
      cell('p50', 2, 8),
      cell('p99', 2, 8),
      cell('efficiency', 2, 11),
      cell('fill', 2, 6),
    ];
    return `${load.padEnd(9)} ${variant.padEnd(20)} ${numbers.join(' ')}`;
  });
  return [head, ...lines].join('\n');
}

/** `adaptive` against the best of the others, by medians over the rounds, which were interleaved. */
export function recordAgainstBest(
  figures: Pick<Figures, 'record'>,
  load: Load,
  rows: ReadonlyMap<string, readonly Pick<Row, 'goodput' | 'p99'>[]>,
): void {
  const of = (variant: string, key: 'goodput' | 'p99'): number =>
    median((rows.get(`${load} ${variant}`) ?? []).map((row) => row[key]));
  const goodput = Math.max(...OTHERS.map((name) => of(name, 'goodput')));
  const p99 = Math.min(...OTHERS.map((name) => of(name, 'p99')));
  figures.record(`strategies.${load}.adaptive.goodput_of_best`, 'x', of('adaptive', 'goodput') / goodput);
  figures.record(`strategies.${load}.adaptive.p99_over_best_ms`, 'ms', of('adaptive', 'p99') - p99);
}

export async function runStrategiesSuite(stage: Stage): Promise<void> {
  const { figures, plan, say, cleanup } = stage;
  const redis = await startOwnRedis();
  cleanup.add(() => redis.stop());
  const models = `${await writeBenchModels()}/mid`;
  const system = await startSystem({ BATCHYARD_MODELS: models, REDIS_URL: redis.url });
  cleanup.add(async () => void (await system.stop()));
  await until('mid is ready', async () => ((await fetch(`${system.url}/v2/models/mid/ready`)).ok ? true : undefined));
  await closedRow(stage, system);
  const most = (await closedRow(stage, system)).goodput;
  const rows = new Map<string, Row[]>();
  for (const load of LOADS) {
    for (let round = 1; round <= plan.strategies.rounds; round += 1) {
      for (const [variant, settings] of Object.entries(VARIANTS)) {
        await switchTo(system, settings);
        const row = await measure(stage, system, load, most);
        const name = `${load} ${variant}`;
        rows.set(name, [...(rows.get(name) ?? []), row]);
        for (const [key, unit] of [
          ['goodput', '/s'],
          ['p50', 'ms'],
          ['p99', 'ms'],
          ['efficiency', ''],
          ['fill', ''],
          ['failed', ''],
        ] as const)
          figures.record(`strategies.${load}.${variant}.${unit === 'ms' ? `${key}_ms` : key}`, unit, row[key]);
      }
    }
  }
  for (const load of LOADS) recordAgainstBest(figures, load, rows);
  say(`strategies, mid:\n${tableOf(rows)}`);
}
