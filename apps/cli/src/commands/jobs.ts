/** `batchyard jobs …`: jobs that were submitted, one by one. */
import { jobEvents } from '@batchyard/client/events';
import { cancel, getJob, result, retry, type Job, type JobStatus } from '@batchyard/client/jobs';
import type { Command } from 'commander';

import { ask, query, reach, readSeconds, remoteOptions, type RemoteFlags } from '../remote/remote.ts';
import { duration, facts, table } from '../remote/show.ts';
import { EXIT, type Shell } from '../shell.ts';
import { resultJson, showResult } from '../tensors/show-result.ts';

type ListFlags = RemoteFlags & {
  readonly model?: string;
  readonly status?: string;
  readonly priority?: string;
  readonly tag?: string;
  readonly since?: string;
  readonly limit: string;
  readonly cursor?: string;
};
type Listed = Pick<Job, 'id' | 'status' | 'model_name' | 'priority' | 'submitted_at'> & {
  readonly attempts?: number;
  readonly error?: { readonly code: string } | null;
};

/** A job that did not succeed is an answer, and its command has failed. */
const WELL: ReadonlySet<JobStatus> = new Set(['queued', 'running', 'succeeded']);

const jobRow = (job: Listed) => ({
  job: job.id,
  status: job.status,
  model: job.model_name,
  class: job.priority,
  submitted: job.submitted_at,
  attempts: String(job.attempts ?? ''),
  error: job.error?.code ?? '',
});

const jobFacts = (job: Job) =>
  facts({
    job: job.id,
    status: job.status,
    model: `${job.model_name} ${job.model_version}`,
    class: job.priority,
    rows: job.rows,
    ahead: job.position,
    submitted: job.submitted_at,
    deadline: job.deadline,
    started: job.timeline.started === undefined ? undefined : `after ${duration(job.timeline.started)}`,
    finished: job.timeline.finished === undefined ? undefined : `after ${duration(job.timeline.finished)}`,
    attempts: job.attempts,
    deliveries: job.deliveries,
    worker: job.worker,
    error: job.error && `${job.error.code}: ${job.error.message}`,
  });

function addLook(jobs: Command, { env, print }: Shell): void {
  remoteOptions(jobs.command('ls').description('jobs, the latest first'))
    .option('--model <model>')
    .option('--status <status>', 'queued, running, succeeded, failed, cancelled, expired')
    .option('--priority <class>', 'critical, high, normal, low')
    .option('--tag <a=b>', 'only those with this tag')
    .option('--since <time>', 'a time, or so long ago: 5m, 1h')
    .option('--limit <n>', 'so many at most', '20')
    .option('--cursor <cursor>', 'the next page of an earlier list')
    .action(async (flags: ListFlags) => {
      const { server, json } = reach(flags, env);
      const { model, status, priority, tag, since, limit, cursor } = flags;
      const path = `/v1/jobs${query({ model, status, priority, tag, since, limit, cursor })}`;
      const page = await ask<{ jobs: Listed[]; next_cursor: string | null }>(server, 'GET', path);
      if (json) print(JSON.stringify(page));
      else {
        for (const line of table(page.jobs.map(jobRow))) print(line);
        if (page.next_cursor !== null) print(`more: --cursor ${page.next_cursor}`);
      }
    });
  remoteOptions(jobs.command('get').argument('<id>').description('one job: state, timeline, worker, error'))
    .option('--wait <seconds>', 'until it has ended, or for so long (60 at most)')
    .action(async (id: string, flags: RemoteFlags & { wait?: string }) => {
      const { server, json } = reach(flags, env);
      const waitMs = flags.wait === undefined ? 0 : readSeconds(flags.wait, '--wait') * 1000;
      const job = await getJob(server, id, { waitMs });
      if (json) print(JSON.stringify(job));
      else for (const fact of jobFacts(job)) print(fact);
      process.exitCode = WELL.has(job.status) ? EXIT.done : EXIT.failed;
    });
  remoteOptions(jobs.command('result').argument('<id>').description('what it came to; waits for --timeout')).action(
    async (id: string, flags: RemoteFlags) => {
      const { server, json, timeoutMs } = reach(flags, env);
      const got = await result(server, id, { timeoutMs });
      if (json) print(resultJson(got));
      else for (const line of showResult(got)) print(line);
    },
  );
  remoteOptions(
    jobs.command('tail').argument('<id>').description('its states as they come, until it has ended'),
  ).action(async (id: string, flags: RemoteFlags) => {
    const { server, json } = reach(flags, env);
    let last: JobStatus = 'queued';
    for await (const { status, detail } of jobEvents(server, id)) {
      last = status;
      print(json ? JSON.stringify(detail) : `${new Date().toISOString()} ${status}`);
    }
    process.exitCode = WELL.has(last) ? EXIT.done : EXIT.failed;
  });
}

export function addJobs(program: Command, shell: Shell): void {
  const { env, print } = shell;
  const jobs = program.command('jobs').description('jobs that were submitted');
  addLook(jobs, shell);
  remoteOptions(
    jobs.command('cancel').argument('<id>').description('end it; if it runs, its result is dropped'),
  ).action(async (id: string, flags: RemoteFlags) => {
    const { server, json } = reach(flags, env);
    const answer = await cancel(server, id);
    const said = answer.status === 'cancelled' ? 'is cancelled' : 'runs; its result will be dropped';
    print(json ? JSON.stringify(answer) : `${id} ${said}`);
  });
  remoteOptions(jobs.command('retry').argument('<id>').description('one that failed or expired waits again')).action(
    async (id: string, flags: RemoteFlags) => {
      const { server, json } = reach(flags, env);
      const answer = await retry(server, id);
      print(json ? JSON.stringify(answer) : `${answer.id} waits again`);
    },
  );
}
