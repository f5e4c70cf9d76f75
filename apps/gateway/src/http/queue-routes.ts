/** /v1/queues on the operations port: what waits, what runs, how it will go on, and what an operator may do about it. */
import type { Express, Request } from 'express';

import type { QueueCounts } from '@batchyard/queue/count-jobs';
import type { ListedState, Page } from '@batchyard/queue/listing';
import type { RetryOutcome } from '@batchyard/queue/operations';
import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';
import { PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import { modelOfQueue } from '@batchyard/shared/contract/model';

import type { QueueLoads } from '../admission/queue-loads.ts';
import { failureGroup } from './failure-groups.ts';
import { countParameter, durationParameter, textParameter } from './ops-parameters.ts';
import { sendJson } from './respond.ts';

export type QueueDesk = {
  readonly queues: () => Promise<string[]>;
  readonly counts: (queue: string) => Promise<QueueCounts>;
  readonly forecast: QueueLoads['forecast'];
  readonly pause: (queue: string) => Promise<void>;
  readonly resume: (queue: string) => Promise<void>;
  readonly drainJobs: (queue: string, most: number) => Promise<number>;
  readonly cleanJobs: (
    queue: string,
    set: 'completed' | 'failed',
    olderThanMs: number,
    most: number,
  ) => Promise<number>;
  readonly jobsIn: (
    queue: string,
    state: ListedState,
    page: { limit: number; cursor?: string | undefined },
  ) => Promise<Page>;
  /** As POST /v1/jobs/{id}/retry. */
  readonly retryJob: (queue: string, id: string) => Promise<RetryOutcome>;
};

/** Jobs that one call ends or tries again at most; the answer says whether there are more. */
const MOST_JOBS = 10_000;
const MOST_RETRIES = 1_000;
const PAGE = 200;
const RETRIES_AT_ONCE = 16;

function queueLine(queue: string, counts: QueueCounts, forecast: ReturnType<QueueLoads['forecast']>) {
  const { model, version } = modelOfQueue(queue);
  const { depth, byClass, active, delayed, completed, failed, paused, oldestMs, sla, expired } = counts;
  const sum = (value: 'at_risk' | 'violated'): number =>
    PRIORITY_CLASSES.reduce((total, name) => total + sla[name][value], 0);
  return {
    queue,
    model,
    version,
    depth,
    by_class: byClass,
    active,
    delayed,
    completed,
    failed,
    expired,
    paused,
    oldest_age_ms: Math.round(Math.max(...Object.values(oldestMs))),
    oldest_age_ms_by_class: oldestMs,
    at_risk: sum('at_risk'),
    sla_violations: sum('violated'),
    sla,
    predicted_wait_ms: forecast.waitMs,
    arrival_rows_per_s: forecast.arrivalsPerS,
    service_rows_per_s: forecast.rowsPerS,
  };
}

/** The queue of a model's name (its newest version), or of `model@version`. @throws Failure model_not_found */
export async function findQueue(queues: () => Promise<string[]>, asked: string): Promise<string> {
  const names = await queues();
  const versions = names.filter((name) => modelOfQueue(name).model === asked);
  const newest = versions.toSorted((a, b) => b.localeCompare(a, undefined, { numeric: true }))[0];
  const found = names.includes(asked) ? asked : newest;
  if (!found) throw new Failure('model_not_found', `there is no queue of a model '${asked.slice(0, 128)}'`);
  return found;
}

type Retried = { retried: number; left: number; full: boolean };

/** The text stands in the error itself, or in the name of its group. */
const matches = (failure: { code: FailureCode; message: string }, text: string): boolean =>
  `${failure.code}: ${failure.message}`.includes(text) || failureGroup(failure).includes(text);

/** Tries failed jobs again, the latest first: those whose `code: sentence` contains the text, and that can be. */
async function retryFailed(desk: QueueDesk, queue: string, error: string | undefined): Promise<Retried> {
  const told: Retried = { retried: 0, left: 0, full: false };
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await desk.jobsIn(queue, 'failed', { limit: PAGE, cursor });
    for (const { id, failure } of page.jobs)
      if (failure && (error === undefined || matches(failure, error))) ids.push(id);
    ({ cursor } = page);
  } while (cursor !== undefined && ids.length < MOST_RETRIES);
  const chosen = ids.slice(0, MOST_RETRIES);
  for (let i = 0; i < chosen.length && !told.full; i += RETRIES_AT_ONCE) {
    const outcomes = await Promise.all(
      chosen.slice(i, i + RETRIES_AT_ONCE).map((id) => desk.retryJob(queue, id).catch((): RetryOutcome => 'conflict')),
    );
    told.retried += outcomes.filter((outcome) => outcome === 'retried').length;
    told.full = outcomes.includes('full');
  }
  told.left = ids.length - told.retried;
  return told;
}

export function mountQueues(app: Express, desk: QueueDesk): void {
  const find = (request: Request): Promise<string> => findQueue(desk.queues, String(request.params['queue']));
  const line = async (name: string) => queueLine(name, await desk.counts(name), desk.forecast(name));

  app.get('/v1/queues', async (_request, response) => {
    sendJson(response, 200, { queues: await Promise.all((await desk.queues()).map(line)) });
  });
  app.get('/v1/queues/:queue', async (request, response) => sendJson(response, 200, await line(await find(request))));
  app.post('/v1/queues/:queue/pause', async (request, response) => {
    const queue = await find(request);
    await desk.pause(queue);
    sendJson(response, 200, { queue, paused: true });
  });
  app.post('/v1/queues/:queue/resume', async (request, response) => {
    const queue = await find(request);
    await desk.resume(queue);
    sendJson(response, 200, { queue, paused: false });
  });
  app.post('/v1/queues/:queue/drain', async (request, response) => {
    const limit = countParameter(request, 'limit', { otherwise: MOST_JOBS, most: MOST_JOBS });
    const queue = await find(request);
    const drained = await desk.drainJobs(queue, limit);
    sendJson(response, 200, { queue, drained, more: drained === limit });
  });
  app.post('/v1/queues/:queue/clean', async (request, response) => {
    const limit = countParameter(request, 'limit', { otherwise: MOST_JOBS, most: MOST_JOBS });
    const state = textParameter(request, 'state') ?? 'completed';
    if (state !== 'completed' && state !== 'failed')
      throw new Failure('bad_request', 'state is completed or failed: only what has ended can be cleaned');
    const olderMs = durationParameter(request, 'older_than') ?? 0;
    const queue = await find(request);
    const cleaned = await desk.cleanJobs(queue, state, olderMs, limit);
    sendJson(response, 200, { queue, state, cleaned, more: cleaned === limit });
  });
  app.post('/v1/queues/:queue/retry-failed', async (request, response) => {
    const error = textParameter(request, 'error');
    const queue = await find(request);
    sendJson(response, 200, { queue, ...(await retryFailed(desk, queue, error)) });
  });
}
