/** `batchyard workers …`: who runs the models, how many, and who is to leave. */
import type { Command } from 'commander';

import { ask, reach, readCount, remoteOptions, route, type RemoteFlags } from '../remote/remote.ts';
import { bytes, duration, table } from '../remote/show.ts';
import type { Shell } from '../shell.ts';

export type WorkerLine = {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  readonly state: string;
  readonly models: readonly string[];
  readonly reason: string | null;
  readonly in_flight: number;
  readonly load: number;
  readonly response_ms: number;
  readonly rss_bytes: number;
  readonly last_seen_ms: number;
};

export const workerRow = (line: WorkerLine) => ({
  worker: line.id,
  state: line.state,
  load: `${Math.round(line.load * 100)} %`,
  held: String(line.in_flight),
  run: duration(line.response_ms),
  memory: bytes(line.rss_bytes),
  models: line.models.join(' '),
  why: line.reason ?? '',
});

type Scaled = {
  readonly before: number;
  readonly count: number;
  readonly supervisors: readonly { readonly host: string; readonly from: number; readonly to: number }[];
};

export function addWorkers(program: Command, { env, print }: Shell): void {
  const workers = program.command('workers').description('who runs the models');
  remoteOptions(workers.command('ls').description('all workers')).action(async (flags: RemoteFlags) => {
    const { ops, json } = reach(flags, env);
    const answer = await ask<{ workers: WorkerLine[] }>(ops, 'GET', '/v1/workers');
    if (json) print(JSON.stringify(answer));
    else for (const line of table(answer.workers.map(workerRow))) print(line);
  });
  remoteOptions(workers.command('scale').argument('<count>').description('so many workers')).action(
    async (count: string, flags: RemoteFlags) => {
      const { ops, json } = reach(flags, env);
      const answer = await ask<Scaled>(ops, 'POST', '/v1/workers/scale', { count: readCount(count, '<count>') });
      if (json) print(JSON.stringify(answer));
      else {
        print(`${answer.count} workers are asked for, instead of ${answer.before}`);
        for (const { host, from, to } of answer.supervisors) print(`  ${host}: ${from} → ${to}`);
      }
    },
  );
  remoteOptions(
    workers.command('drain').argument('<worker>').description('it takes nothing more, and ends what it has'),
  )
    .option('--exit', 'its process ends once it has finished')
    .option('--undo', 'it takes jobs again')
    .action(async (worker: string, flags: RemoteFlags & { exit?: boolean; undo?: boolean }) => {
      const { ops, json } = reach(flags, env);
      const path = `${route`/v1/workers/${worker}`}/drain`;
      const answer = flags.undo
        ? await ask<object>(ops, 'DELETE', path)
        : await ask<object>(ops, 'POST', path, { exit: flags.exit === true });
      print(json ? JSON.stringify(answer) : `${worker} ${flags.undo ? 'takes jobs again' : 'drains'}`);
    });
}
