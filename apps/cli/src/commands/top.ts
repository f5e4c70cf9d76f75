/** `batchyard top`: the cluster as it is now. On a terminal it is drawn over each time; elsewhere each look is a line. */
import { stripVTControlCharacters } from 'node:util';

import type { Server } from '@batchyard/client/connect';
import type { Command } from 'commander';

import { onStdout } from '../colours.ts';
import { ask, reach, readSeconds, remoteOptions, type RemoteFlags } from '../remote/remote.ts';
import { duration, figure, table } from '../remote/show.ts';
import type { Shell } from '../shell.ts';
import { queueRow, type QueueLine } from './queues.ts';
import { workerRow, type WorkerLine } from './workers.ts';

type Spread = { readonly mean: number; readonly p95: number; readonly p99: number; readonly median: number } | null;
type Performance = {
  readonly requests_per_s: Spread;
  readonly error_rate: Spread;
  readonly hit_rate: Spread;
  readonly batch_rows: Spread;
  readonly latency_ms: { readonly all: Spread };
};
type Alert = { readonly severity: string; readonly sentence: string };
type View = {
  readonly at: string;
  readonly performance: Performance;
  readonly queues: readonly QueueLine[];
  readonly workers: readonly WorkerLine[];
  readonly alerts: readonly Alert[];
};

const CLEAR = '\u001b[H\u001b[2J';
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';

async function look(ops: Server, at: string): Promise<View> {
  const [performance, { queues }, { workers }, { alerts }] = await Promise.all([
    ask<Performance>(ops, 'GET', '/v1/performance?window=10s'),
    ask<{ queues: QueueLine[] }>(ops, 'GET', '/v1/queues'),
    ask<{ workers: WorkerLine[] }>(ops, 'GET', '/v1/workers'),
    ask<{ alerts: Alert[] }>(ops, 'GET', '/v1/alerts'),
  ]);
  return { at, performance, queues, workers, alerts };
}

const percent = (share: number | undefined): string => (share === undefined ? '–' : `${(share * 100).toFixed(1)} %`);

/** The figures of the last ten seconds. */
function figures({ performance: now, queues, workers }: View): string[] {
  const latency = now.latency_ms.all;
  const waiting = queues.reduce((sum, { depth }) => sum + depth, 0);
  const serving = workers.filter(({ state }) => state === 'serving').length;
  return [
    `${figure(now.requests_per_s?.mean)} requests/s`,
    `p50 ${duration(latency?.median)}, p99 ${duration(latency?.p99)}`,
    `${waiting} waiting`,
    `${figure(now.batch_rows?.mean)} rows a batch`,
    `errors ${percent(now.error_rate?.mean)}`,
    `hits ${percent(now.hit_rate?.mean)}`,
    `${serving} of ${workers.length} workers serve`,
  ];
}

const viewLine = (view: View): string =>
  [view.at, ...figures(view), ...(view.alerts.length > 0 ? [`${view.alerts.length} alerts`] : [])].join(' · ');

function viewScreen(view: View): string[] {
  const alerts = view.alerts.map(({ severity, sentence }) =>
    severity === 'critical' ? onStdout.red(`${severity}: ${sentence}`) : onStdout.yellow(`${severity}: ${sentence}`),
  );
  return [
    `${onStdout.bold('batchyard')}  ${view.at}`,
    figures(view).join(' · '),
    ...alerts,
    '',
    ...table(view.queues.map(queueRow)),
    '',
    ...table(view.workers.map(workerRow)),
  ];
}

/** Cut where the terminal ends, so that a line is a line; colours have no width. */
function fitted(lines: readonly string[], { columns, rows }: NodeJS.WriteStream): string {
  const cut = lines.map((line) => {
    const plain = stripVTControlCharacters(line);
    return plain.length > columns ? plain.slice(0, columns) : line;
  });
  return cut.slice(0, Math.max(1, rows - 2)).join('\n');
}

export function addTop(program: Command, { env, print }: Shell): void {
  remoteOptions(program.command('top').description('the cluster as it is now'))
    .option('--once', 'one look')
    .option('--interval <seconds>', 'between two looks', '1')
    .action(async (flags: RemoteFlags & { once?: boolean; interval: string }) => {
      const { ops, json } = reach(flags, env);
      const pauseMs = readSeconds(flags.interval, '--interval') * 1000;
      const { stdout } = process;
      const live = stdout.isTTY && !json && !flags.once;
      let ended = false;
      let wake = (): void => undefined;
      process.once('SIGINT', () => {
        ended = true;
        wake();
      });
      if (live) stdout.write(HIDE_CURSOR);
      try {
        do {
          const view = await look(ops, new Date().toISOString().slice(0, 19).replace('T', ' '));
          if (json) print(JSON.stringify(view));
          else if (live) stdout.write(`${CLEAR}${fitted(viewScreen(view), stdout)}\n${onStdout.dim('Ctrl-C ends it')}`);
          else if (flags.once) for (const line of viewScreen(view)) print(line);
          else print(viewLine(view));
          if (flags.once || ended) break;
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, pauseMs);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        } while (!ended);
      } finally {
        if (live) stdout.write(`${SHOW_CURSOR}\n`);
      }
    });
}
