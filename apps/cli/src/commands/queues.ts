/** `batchyard queues …`: what waits for each model, and what an operator does about it. */
import type { Command } from 'commander';

import { ask, query, reach, remoteOptions, route, type RemoteFlags } from '../remote/remote.ts';
import { duration, facts, figure, table } from '../remote/show.ts';
import type { Shell } from '../shell.ts';
import { StopSentence } from '../stop-sentence.ts';

type ByClass = Readonly<Record<'critical' | 'high' | 'normal' | 'low', number>>;
export type QueueLine = {
  readonly queue: string;
  readonly depth: number;
  readonly by_class: ByClass;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
  readonly expired: number;
  readonly paused: boolean;
  readonly oldest_age_ms: number;
  readonly at_risk: number;
  readonly sla_violations: number;
  readonly predicted_wait_ms: ByClass;
  readonly arrival_rows_per_s: ByClass;
  readonly service_rows_per_s: number;
};

const sum = (values: ByClass): number => Object.values(values).reduce((total, value) => total + value, 0);
const classes = (values: ByClass, shown: (value: number) => string): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${shown(value)}`)
    .join(', ');

export const queueRow = (line: QueueLine) => ({
  queue: line.queue,
  waiting: String(line.depth),
  active: String(line.active),
  failed: String(line.failed),
  oldest: line.depth > 0 ? duration(line.oldest_age_ms) : '–',
  'in/s': figure(sum(line.arrival_rows_per_s)),
  'out/s': figure(line.service_rows_per_s),
  wait: duration(line.predicted_wait_ms.normal),
  state: line.paused ? 'paused' : 'running',
});

const queueFacts = (line: QueueLine) =>
  facts({
    queue: line.queue,
    state: line.paused ? 'paused' : 'running',
    waiting: `${line.depth} (${classes(line.by_class, String)})`,
    'oldest waits': duration(line.oldest_age_ms),
    'would wait': classes(line.predicted_wait_ms, duration),
    active: line.active,
    delayed: line.delayed,
    completed: line.completed,
    failed: line.failed,
    expired: line.expired,
    'rows arriving': `${figure(sum(line.arrival_rows_per_s))}/s`,
    'rows served at best': `${figure(line.service_rows_per_s)}/s`,
    'close to the SLA': line.at_risk,
    'beyond the SLA': line.sla_violations,
  });

function addLook(queues: Command, { env, print }: Shell): void {
  remoteOptions(queues.command('ls').description('all queues')).action(async (flags: RemoteFlags) => {
    const { ops, json } = reach(flags, env);
    const { queues: lines } = await ask<{ queues: QueueLine[] }>(ops, 'GET', '/v1/queues');
    if (json) print(JSON.stringify({ queues: lines }));
    else for (const line of table(lines.map(queueRow))) print(line);
  });
  remoteOptions(queues.command('stat').argument('<model>').description('one queue, with its classes')).action(
    async (model: string, flags: RemoteFlags) => {
      const { ops, json } = reach(flags, env);
      const line = await ask<QueueLine>(ops, 'GET', route`/v1/queues/${model}`);
      if (json) print(JSON.stringify(line));
      else for (const fact of queueFacts(line)) print(fact);
    },
  );
}

function addChange(queues: Command, { env, print }: Shell): void {
  for (const [name, about, done] of [
    ['pause', 'workers take nothing from it; what runs ends', 'is paused'],
    ['resume', 'workers take from it again', 'runs'],
  ] as const) {
    remoteOptions(queues.command(name).argument('<model>').description(about)).action(
      async (model: string, flags: RemoteFlags) => {
        const { ops, json } = reach(flags, env);
        const answer = await ask<{ queue: string }>(ops, 'POST', `${route`/v1/queues/${model}`}/${name}`);
        print(json ? JSON.stringify(answer) : `${answer.queue} ${done}`);
      },
    );
  }
  remoteOptions(queues.command('drain').argument('<model>').description('take out all that waits; callers are told'))
    .option('--yes', 'yes, take it out')
    .option('--limit <n>', 'so many at most')
    .action(async (model: string, flags: RemoteFlags & { yes?: boolean; limit?: string }) => {
      const { ops, json } = reach(flags, env);
      if (!flags.yes)
        throw new StopSentence(
          `this ends every job that waits for ${model}`,
          `batchyard queues drain ${model} --yes   (to look first: batchyard queues stat ${model})`,
        );
      const path = `${route`/v1/queues/${model}`}/drain${query({ limit: flags.limit })}`;
      const answer = await ask<{ queue: string; drained: number; more: boolean }>(ops, 'POST', path);
      const more = answer.more ? '; there may be more: the same command again' : '';
      print(json ? JSON.stringify(answer) : `${answer.drained} jobs were taken out of ${answer.queue}${more}`);
    });
  remoteOptions(queues.command('clean').argument('<model>').description('forget jobs that have ended'))
    .option('--state <state>', 'completed or failed', 'completed')
    .option('--older-than <time>', 'only those that ended so long ago: 30s, 5m, 1h')
    .option('--limit <n>', 'so many at most')
    .action(async (model: string, flags: RemoteFlags & { state: string; olderThan?: string; limit?: string }) => {
      const { ops, json } = reach(flags, env);
      const asked = query({ state: flags.state, older_than: flags.olderThan, limit: flags.limit });
      const path = `${route`/v1/queues/${model}`}/clean${asked}`;
      const answer = await ask<{ queue: string; cleaned: number; more: boolean }>(ops, 'POST', path);
      const more = answer.more ? '; there may be more: the same command again' : '';
      print(
        json ? JSON.stringify(answer) : `${answer.cleaned} ${flags.state} jobs of ${answer.queue} are forgotten${more}`,
      );
    });
}

function addRetry(queues: Command, { env, print }: Shell): void {
  remoteOptions(queues.command('retry-failed').argument('<model>').description('try failed jobs again'))
    .option('--error <text>', 'only those whose error contains it')
    .action(async (model: string, flags: RemoteFlags & { error?: string }) => {
      const { ops, json } = reach(flags, env);
      const path = `${route`/v1/queues/${model}`}/retry-failed${query({ error: flags.error })}`;
      const answer = await ask<{ queue: string; retried: number; left: number }>(ops, 'POST', path);
      const left = answer.left > 0 ? `, ${answer.left} could not` : '';
      print(json ? JSON.stringify(answer) : `${answer.retried} jobs of ${answer.queue} wait again${left}`);
    });
}

export function addQueues(program: Command, shell: Shell): void {
  const queues = program.command('queues').description('what waits for each model');
  addLook(queues, shell);
  addChange(queues, shell);
  addRetry(queues, shell);
}
