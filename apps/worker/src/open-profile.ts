/**
 * Part of the wiring: `profile`, which measures a model by itself and recommends its settings. For each number of threads
 * that divides the machine, as many sessions as it then carries run at once, with batches of every size.
 */
import { queueName } from '@batchyard/shared/contract/model';

import { configLines, recommend, type Measured, type Recommendation } from './batching/recommend.ts';
import { availableCpus } from './inference/cpu-quota.ts';
import { loadModel, type LoadedModel } from './inference/load-model.ts';
import type { Session } from './inference/open-session.ts';
import { sample } from './inference/warm-up.ts';
import { openModel, type ModelDefinition } from './repository/open-repository.ts';

type Profile = {
  readonly model: string;
  readonly cores: number;
  readonly measured: readonly (Omit<Measured, 'ratesTogether'> & { readonly rows_per_s: Record<string, number> })[];
  readonly recommended: Recommendation | undefined;
  /** For the model's config.pbtxt. */
  readonly lines: readonly string[];
};

/** For each size, with all sessions at once. */
const TOGETHER_MS = 400;
const MOST_ROWS = 64;

/** 1, 2, 4, … and the cores themselves. */
function threadCounts(cores: number): number[] {
  const counts = [cores];
  for (let threads = 1; threads < cores; threads *= 2) counts.push(threads);
  return counts.toSorted((a, b) => a - b);
}

/** Rows a second of all sessions together. */
async function rateTogether(sessions: readonly Session[], rows: number, batched: boolean): Promise<number> {
  const started = performance.now();
  let done = 0;
  async function runOn(session: Session): Promise<void> {
    while (performance.now() - started < TOGETHER_MS) {
      await session.run(session.inputs.map((tensor) => sample(tensor, batched ? rows : undefined, (i) => i % 3)));
      done += rows;
    }
  }
  await Promise.all(sessions.map(runOn));
  return (done * 1_000) / (performance.now() - started);
}

async function measureWith(
  definition: ModelDefinition,
  threads: number,
  instances: number,
): Promise<Measured & { batched: boolean }> {
  const { config } = definition;
  const loaded: LoadedModel = await loadModel({
    ...definition,
    maxBatchSize: config.maxBatchSize,
    nan: config.nan,
    intraOpThreads: threads,
    lengths: config.lengths,
    claimed: { inputs: config.inputs, outputs: config.outputs },
    cacheDir: undefined,
    instances,
    providers: config.executionProviders,
    release: () => undefined,
  });
  const sessions = [loaded.session, ...loaded.others];
  try {
    const batched = loaded.model.maxBatchSize > 0;
    const ratesTogether = new Map<number, number>();
    for (const { rows } of loaded.latency.filter((point) => point.rows <= MOST_ROWS))
      ratesTogether.set(rows, await rateTogether(sessions, rows, batched));
    return { threads, instances, points: loaded.latency, ratesTogether, batched };
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** @throws Error with a sentence for people */
async function profileModel(root: string, name: string, version?: string): Promise<Profile> {
  const { models, problems } = await openModel(root, name);
  const definition = models.find((one) => version === undefined || one.version === version);
  if (!definition) {
    const [problem] = problems;
    throw new Error(problem ? `${name}: ${problem.sentence}` : `there is no model ${name} in ${root}`);
  }
  const cores = await availableCpus();
  const all: (Measured & { batched: boolean })[] = [];
  for (const threads of threadCounts(cores))
    all.push(await measureWith(definition, threads, Math.max(1, Math.floor(cores / threads))));
  const recommended = recommend(all, definition.config.targetMs);
  const batched = all.some((one) => one.batched);
  return {
    model: queueName(definition.name, definition.version),
    cores,
    measured: all.map(({ threads, instances, points, ratesTogether }) => ({
      threads,
      instances,
      points,
      rows_per_s: Object.fromEntries(Array.from(ratesTogether, ([rows, rate]) => [String(rows), Math.round(rate)])),
    })),
    recommended,
    lines: recommended ? configLines(recommended, batched) : [],
  };
}

/** @param asked the model, its version if it is not the newest, `--json` */
export async function printProfile(asked: readonly string[], root: string): Promise<void> {
  const [name, version] = asked.filter((one) => !one.startsWith('--'));
  if (name === undefined) throw new Error('which model? profile MODEL [VERSION] [--json]');
  const profile = await profileModel(root, name, version);
  if (asked.includes('--json')) {
    process.stdout.write(`${JSON.stringify(profile)}\n`);
    return;
  }
  const { recommended, lines } = profile;
  const print = (text: string): void => void process.stdout.write(`${text}\n`);
  print(`${profile.model} on ${profile.cores} cores, rows a second of all sessions together`);
  print('threads  sessions  rows  p50 ms  p99 ms  rows/s');
  for (const { threads, instances, points, rows_per_s } of profile.measured)
    for (const { rows, p50_ms, p99_ms } of points) {
      const cells = [
        [threads, 7],
        [instances, 9],
        [rows, 5],
        [p50_ms.toFixed(2), 7],
        [p99_ms.toFixed(2), 7],
        [rows_per_s[rows] ?? '-', 7],
      ];
      print(cells.map(([cell, width]) => String(cell).padStart(Number(width))).join(' '));
    }
  if (!recommended) return;
  if (!recommended.meetsTarget) print('no batch size meets batchyard.target_ms: what comes closest is');
  print(`recommended for config.pbtxt, ${Math.round(recommended.rowsPerS)} rows/s:`);
  for (const line of lines) print(`  ${line}`);
}
