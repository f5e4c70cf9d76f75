/** `batchyard models validate` and `profile`: models as files, before anything serves them. No system has to run. */
import { availableCpus } from '@batchyard/shared/runtime/cpu-quota';
import type { Command } from 'commander';

import { onStdout } from '../colours.ts';
import { readCount } from '../remote/remote.ts';
import { duration, figure, table } from '../remote/show.ts';
import { EXIT, type Shell } from '../shell.ts';
import { StopSentence } from '../stop-sentence.ts';
import { recommend, type Choice } from '../trial/recommend.ts';
import { tryModels, type Tried } from '../trial/try-models.ts';

type Flags = { readonly models?: string; readonly json?: boolean };
type ProfileFlags = Flags & { readonly threads?: string; readonly maxRows: string; readonly targetMs?: string };

const rootOf = (flags: Flags, env: NodeJS.ProcessEnv): string => flags.models ?? env['BATCHYARD_MODELS'] ?? 'models';

function verdict(tried: Tried): string[] {
  const name = `${tried.model}${tried.version === undefined ? '' : ` ${tried.version}`}`;
  if ('problem' in tried) return [`${onStdout.red('✗')} ${name}: ${tried.problem}`];
  const rows = tried.max_batch_size === 0 ? 'no batch axis' : `batches of ${tried.max_batch_size}`;
  return [`${onStdout.green('✓')} ${name}: ${rows}`, ...tried.notes.map((note) => `  ${onStdout.yellow('!')} ${note}`)];
}

/** What to write into config.pbtxt. */
const settings = ({ rows, threads }: Choice, batched: boolean): string[] => [
  ...(batched ? [`max_batch_size: ${rows}`] : []),
  `parameters { key: "intra_op_thread_count" value { string_value: "${threads}" } }`,
];

function profileLines(tried: Tried, choice: Choice | undefined): string[] {
  if ('problem' in tried) return verdict(tried);
  const rows = tried.tables.flatMap(({ threads, points }) =>
    points.map((point) => ({
      threads: String(threads),
      rows: String(point.rows),
      p50: duration(point.p50_ms),
      p99: duration(point.p99_ms),
      'rows/s': figure(Math.round((point.rows * 1000) / point.p50_ms)),
    })),
  );
  const head = onStdout.bold(`${tried.model} ${tried.version}`);
  if (!choice) return [head, ...table(rows), 'no run is as fast as that'];
  const told = `${choice.workers} workers of ${choice.threads} threads run ${Math.round(choice.rows_per_s)} rows/s, a batch of ${choice.rows} in ${duration(choice.p99_ms)} (p99)`;
  return [
    head,
    ...table(rows),
    `recommended: ${told}`,
    ...settings(choice, tried.max_batch_size > 0).map((line) => `  ${line}`),
  ];
}

function threadsOf(text: string | undefined, cores: number): number[] {
  if (text !== undefined) return text.split(',').map((part) => readCount(part.trim(), '--threads'));
  const doubled = [1, 2, 4, 8, 16].filter((count) => count < cores);
  return [...doubled, cores].slice(0, 5);
}

export function addModelsOnDisk(models: Command, { env, print }: Shell): void {
  models
    .command('validate')
    .argument('[model...]', 'all, if none is named')
    .description('load models from disk as a worker would, and say what is wrong')
    .option('--models <folder>', 'model repository (BATCHYARD_MODELS)')
    .option('--json', 'print JSON')
    .action(async (names: string[], flags: Flags) => {
      const all: Tried[] = [];
      await tryModels({ root: rootOf(flags, env), models: names, threads: [1] }, (tried) => {
        all.push(tried);
        if (!flags.json) for (const line of verdict(tried)) print(line);
      });
      if (flags.json) print(JSON.stringify({ models: all }));
      if (all.length === 0)
        throw new StopSentence(
          `there are no models in ${rootOf(flags, env)}`,
          'batchyard models validate --models <folder>',
        );
      process.exitCode = all.some((tried) => 'problem' in tried) ? EXIT.failed : EXIT.done;
    });
  models
    .command('profile')
    .argument('<model>')
    .description('measure batch sizes and threads on this machine, and recommend settings')
    .option('--models <folder>', 'model repository (BATCHYARD_MODELS)')
    .option('--threads <counts>', 'threads of a run to try, with commas')
    .option('--max-rows <n>', 'up to so many rows', '64')
    .option('--target-ms <ms>', 'no run may take longer')
    .option('--json', 'print JSON')
    .action(async (model: string, flags: ProfileFlags) => {
      const cores = await availableCpus();
      const asked = { threads: threadsOf(flags.threads, cores), maxRows: readCount(flags.maxRows, '--max-rows') };
      const target = flags.targetMs === undefined ? undefined : readCount(flags.targetMs, '--target-ms');
      const all: object[] = [];
      if (process.stderr.isTTY)
        process.stderr.write(`measuring ${model} with ${asked.threads.join(', ')} threads, some seconds for each …\n`);
      await tryModels({ root: rootOf(flags, env), models: [model], ...asked }, (tried) => {
        const choice = 'problem' in tried ? undefined : recommend(tried.tables, cores, target);
        all.push({ ...tried, recommended: choice ?? null });
        if (!choice) process.exitCode = EXIT.failed;
        if (!flags.json) for (const line of profileLines(tried, choice)) print(line);
      });
      if (flags.json) print(JSON.stringify({ cores, models: all }));
    });
}
