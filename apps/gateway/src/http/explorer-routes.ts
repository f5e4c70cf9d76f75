/** Looking into jobs on the operations port: lists by state, one job with all that is known of it, failures by their error. */
import type { Express, Request } from 'express';

import { LISTED_STATES, type ListedState, type Page } from '@batchyard/queue/listing';
import type { JobView } from '@batchyard/queue/operations';
import { Failure } from '@batchyard/shared/contract/failure';
import type { Receipt } from '@batchyard/shared/contract/job';
import { modelOfQueue, type Model } from '@batchyard/shared/contract/model';
import { decodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { summariseTensor, type TensorSummary } from '../protocol/summarise-tensor.ts';
import { failureGroup } from './failure-groups.ts';
import { hintFor } from './failure-hints.ts';
import { countParameter, sinceParameter, textParameter } from './ops-parameters.ts';
import { findQueue } from './queue-routes.ts';
import { sendJson } from './respond.ts';

export type ExplorerDesk = {
  readonly queues: () => Promise<string[]>;
  readonly queueOf: (id: string) => string | undefined;
  readonly jobsIn: (
    queue: string,
    state: ListedState,
    page: { limit: number; cursor?: string | undefined },
  ) => Promise<Page>;
  readonly batchMates: (queue: string, job: JobView) => Promise<JobView[]>;
  readonly view: (queue: string, id: string) => Promise<JobView | undefined>;
  readonly position: (queue: string, id: string) => Promise<number | undefined>;
  readonly input: (queue: string, id: string) => Promise<Buffer | undefined>;
  readonly output: (queue: string, id: string) => Promise<Buffer | undefined>;
  readonly byQueue: (queue: string) => { readonly model: Model } | undefined;
};

const MOST_LISTED = 200;
/** Jobs that a search looks at in one call; the cursor of its answer goes on from there. */
const LOOKED_AT = 2_000;
const GROUPED = 2_000;

const receiptOf = ({ receipt }: JobView): Receipt | undefined =>
  receipt === undefined ? undefined : (JSON.parse(receipt) as Receipt);

function jobLine(queue: string, job: JobView) {
  const receipt = receiptOf(job);
  const ended = job.finishedMs ?? 0;
  return {
    id: job.id,
    queue,
    model: modelOfQueue(queue).model,
    status: job.status,
    kind: job.kind,
    priority: job.priority,
    rows: job.rows,
    submitted_at: new Date(job.submittedMs).toISOString(),
    total_ms: job.finishedMs === undefined ? null : Math.max(0, ended - job.submittedMs),
    worker: job.worker ?? receipt?.worker ?? null,
    attempts: job.attempts,
    deliveries: job.deliveries,
    error: job.failure ?? null,
  };
}

/** What happened when, ms since it was submitted. */
function timelineOf(job: JobView) {
  const since = (ms: number | undefined): number | null =>
    ms === undefined ? null : Math.max(0, Math.round(ms - job.submittedMs));
  const receipt = receiptOf(job);
  const ended = since(job.finishedMs);
  const run = receipt?.run_ms;
  return {
    submitted: 0,
    queued: since(job.queuedMs),
    started: since(job.startedMs),
    ran_from: ended === null || run === undefined ? null : Math.max(since(job.startedMs) ?? 0, ended - run),
    finished: ended,
    deadline: job.deadlineMs > 0 ? since(job.deadlineMs) : null,
  };
}

function summaries(blob: Buffer | undefined, specs: readonly { readonly name: string }[]): TensorSummary[] | null {
  if (!blob) return null;
  const { tensors } = decodeTensorBlob(blob);
  return tensors.map((tensor) => summariseTensor(specs[tensor.position]?.name ?? `#${tensor.position}`, tensor));
}

export function mountExplorer(app: Express, desk: ExplorerDesk): void {
  async function search(request: Request) {
    const state = (textParameter(request, 'state') ?? 'waiting') as ListedState;
    if (!LISTED_STATES.includes(state)) throw new Failure('bad_request', `state is one of ${LISTED_STATES.join(', ')}`);
    const limit = countParameter(request, 'limit', { otherwise: 50, most: MOST_LISTED });
    const error = textParameter(request, 'error')?.toLowerCase();
    const since = sinceParameter(request, 'since', Date.now());
    const queue = await findQueue(desk.queues, String(request.params['queue']));
    const fits = ({ failure, submittedMs, finishedMs }: JobView): boolean =>
      (error === undefined || `${failure?.code}: ${failure?.message}`.toLowerCase().includes(error)) &&
      (since === undefined || (finishedMs ?? submittedMs) >= since);
    const jobs: JobView[] = [];
    let cursor = textParameter(request, 'cursor');
    let looked = 0;
    do {
      const page = await desk.jobsIn(queue, state, { limit: limit - jobs.length, cursor });
      jobs.push(...page.jobs.filter(fits));
      looked += limit;
      ({ cursor } = page);
    } while (cursor !== undefined && jobs.length < limit && looked < LOOKED_AT);
    return { queue, state, jobs: jobs.map((job) => jobLine(queue, job)), next_cursor: cursor ?? null };
  }

  async function show(id: string) {
    const queue = desk.queueOf(id);
    const job = queue === undefined ? undefined : await desk.view(queue, id);
    if (queue === undefined || !job) throw new Failure('not_found', 'there is no such job, or it is no longer kept');
    const [position, input, output, mates] = await Promise.all([
      job.status === 'queued' ? desk.position(queue, id) : undefined,
      desk.input(queue, id),
      desk.output(queue, id),
      desk.batchMates(queue, job),
    ]);
    const model = desk.byQueue(queue)?.model;
    return {
      ...jobLine(queue, job),
      deaths: job.deaths,
      position: position ?? null,
      timeline: timelineOf(job),
      batch: receiptOf(job) ?? null,
      batch_mates: mates.map((mate) => jobLine(queue, mate)),
      hint: job.failure ? hintFor(job.failure.code) : null,
      inputs: summaries(input, model?.inputs ?? []),
      outputs: summaries(output, model?.outputs ?? []),
      can_retry: job.kind === 'durable' && (job.status === 'failed' || job.status === 'expired') && input !== undefined,
    };
  }

  async function failures() {
    const groups = new Map<string, Record<string, unknown> & { count: number }>();
    let partial = false;
    for (const queue of await desk.queues()) {
      const { jobs, cursor } = await desk.jobsIn(queue, 'failed', { limit: GROUPED });
      partial ||= cursor !== undefined;
      for (const { id, failure, finishedMs = 0 } of jobs) {
        if (!failure || failure.code === 'cancelled') continue;
        const error = failureGroup(failure);
        const key = `${queue} ${error}`;
        const known = groups.get(key);
        if (known) known.count += 1;
        else
          groups.set(key, {
            queue,
            model: modelOfQueue(queue).model,
            code: failure.code,
            error,
            count: 1,
            last_at: new Date(finishedMs).toISOString(),
            example: id,
            hint: hintFor(failure.code),
          });
      }
    }
    return { groups: [...groups.values()].toSorted((a, b) => b.count - a.count), partial };
  }

  app.get('/v1/queues/:queue/jobs', async (request, response) => sendJson(response, 200, await search(request)));
  app.get('/v1/jobs/:id', async (request, response) => sendJson(response, 200, await show(request.params.id)));
  app.get('/v1/failures', async (_request, response) => sendJson(response, 200, await failures()));
}
