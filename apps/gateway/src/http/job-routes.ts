/** /v1 jobs: look, wait, fetch the result, cancel, try again. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { CancelOutcome, JobView } from '@batchyard/queue/operations';
import { Failure } from '@batchyard/shared/contract/failure';
import { modelOfQueue, type Model } from '@batchyard/shared/contract/model';
import { decodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { encodeInferResponse } from '../protocol/encode-infer.ts';
import { createBulk } from './bulk-jobs.ts';
import { callerOf, chargeRows, seesTenant } from './caller.ts';
import { createHookRoute, type HookDesk } from './hook-routes.ts';
import { sendInfer, type Limits, type ModelLookup } from './infer-route.ts';
import { createJobEvents } from './job-events.ts';
import { createJobList, type ListDesk } from './list-jobs.ts';
import type { Exchange } from './read-body.ts';
import { waitMs } from './request-options.ts';
import { sendJson } from './respond.ts';
import { createRetry, type RetryDesk } from './retry-job.ts';
import { createPlacing, createSubmit, type SubmitDesk } from './submit-job.ts';
import { readTags } from './submit-options.ts';

export type JobDesk = RetryDesk &
  SubmitDesk &
  ListDesk &
  HookDesk & {
    /** The queue that an id leads to. */
    queueOf(id: string): string | undefined;
    /** Whether an id can be that of a job of this tenant. */
    mayBeOf(id: string, tenant: string): boolean;
    view(queue: string, id: string): Promise<JobView | undefined>;
    position(queue: string, id: string): Promise<number | undefined>;
    output(queue: string, id: string): Promise<Buffer | undefined>;
    cancel(queue: string, id: string): Promise<CancelOutcome>;
    wasRemoved(queue: string, id: string): Promise<boolean>;
    draining(): boolean;
    /** Resolves when the job is terminal, or after the time. */
    waitFor(queue: string, id: string, ms: number): Promise<void>;
  };

type Parts = { readonly desk: JobDesk; readonly models: ModelLookup; readonly limits: Limits };

const unknownJob = (): Failure => new Failure('not_found', 'there is no such job');
const TERMINAL = new Set(['succeeded', 'failed', 'cancelled', 'expired']);

export function createJobRoutes({ desk, models, limits }: Parts) {
  /** @throws Failure not_found also for the job of another tenant */
  async function find(request: IncomingMessage, id: string, wait: number): Promise<{ queue: string; view: JobView }> {
    const queue = desk.queueOf(id);
    const caller = callerOf(request);
    if (queue === undefined || (!caller.everyTenant && !desk.mayBeOf(id, caller.tenant))) throw unknownJob();
    let view = await desk.view(queue, id);
    if (view && !seesTenant(caller, view.tenant)) throw unknownJob();
    if (view && wait > 0 && !TERMINAL.has(view.status)) {
      await desk.waitFor(queue, id, wait);
      view = await desk.view(queue, id);
    }
    if (view && view.kind === 'durable') return { queue, view };
    if (await desk.wasRemoved(queue, id)) throw new Failure('gone', 'the result of this job is no longer kept');
    throw unknownJob();
  }

  async function show(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const { queue, view } = await find(request, id, waitMs(request.url ?? ''));
    const position = view.status === 'queued' ? await desk.position(queue, id) : undefined;
    const body = Buffer.from(JSON.stringify(describe(queue, view, position)));
    const etag = `"${view.status}-${view.deliveries}-${position ?? ''}"`;
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, { etag });
      response.end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.byteLength, etag });
    response.end(body);
  }

  async function result(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const { queue, view } = await find(request, id, waitMs(request.url ?? ''));
    if (!TERMINAL.has(view.status)) {
      sendJson(response, 202, { id, status: view.status }, { 'retry-after': '1' });
      return;
    }
    if (view.failure) throw new Failure(view.failure.code, view.failure.message);
    await sendOutput({ request, response }, queue, id);
  }

  async function sendOutput({ request, response }: Exchange, queue: string, id: string): Promise<void> {
    const blob = await desk.output(queue, id);
    if (!blob) throw new Failure('gone', 'the result of this job is no longer kept');
    const known = models.byQueue(queue)?.model;
    if (!known) {
      const { model, version } = modelOfQueue(queue);
      throw new Failure('model_not_found', `Request for unknown model: '${model}' version ${version} is not found`);
    }
    sendInfer(request, response, encodeResult(known, id, blob, request), limits.copies);
  }

  async function cancel(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const { queue, view } = await find(request, id, 0);
    const outcome = await desk.cancel(queue, id);
    if (outcome === 'terminal')
      throw new Failure('conflict', `the job has ${view.status === 'running' ? 'ended' : view.status}`);
    if (outcome === 'unknown') throw unknownJob();
    sendJson(response, outcome === 'cancelled' ? 200 : 202, {
      id,
      status: outcome === 'cancelled' ? 'cancelled' : 'running',
      cancel_requested: true,
    });
  }

  const { retry: retryFound } = createRetry({ desk, models });
  async function retry(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const found = await find(request, id, 0);
    // It runs once more; on the operations port it is not the caller's own.
    const caller = callerOf(request);
    if (!caller.everyTenant) chargeRows(caller, found.view.rows, response);
    await retryFound(request, response, found);
  }

  const placing = createPlacing(desk, limits);
  const submit = createSubmit({
    placing,
    models,
    limits,
    async answerIfDone(exchange, id, waited) {
      const { queue, view } = await find(exchange.request, id, waited).catch(() => ({ queue: '', view: undefined }));
      if (view?.status !== 'succeeded') return false;
      await sendOutput(exchange, queue, id);
      return true;
    },
  });

  const { submitBulk } = createBulk({ placing, models, limits });
  const streams = createJobEvents({ views: desk.views, draining: desk.draining });
  const events = async (request: IncomingMessage, response: ServerResponse, id: string): Promise<void> =>
    streams.open({ request, response }, await find(request, id, 0));

  const list = createJobList(desk, (queue, view) => describe(queue, view, undefined));

  const webhook = createHookRoute(desk);

  return { list, webhook, submit, submitBulk, show, result, events, cancel, retry };
}

function encodeResult(model: Model, id: string, blob: Buffer, request: IncomingMessage) {
  const binary = String(request.headers.accept ?? '').includes('application/octet-stream');
  const result = decodeTensorBlob(blob);
  const outputs = result.tensors.map(({ position, datatype }) => ({ position, binary: binary || datatype === 'FP16' }));
  return encodeInferResponse(model, { id, outputs }, result);
}

function describe(queue: string, view: JobView, position: number | undefined): Record<string, unknown> {
  const { model, version } = modelOfQueue(queue);
  const since = (ms: number | undefined): number | undefined =>
    ms === undefined ? undefined : Math.max(0, ms - view.submittedMs);
  const receipt = view.receipt === undefined ? undefined : (JSON.parse(view.receipt) as Record<string, unknown>);
  return {
    id: view.id,
    status: view.status,
    model_name: model,
    model_version: version,
    priority: view.priority,
    rows: view.rows,
    tags: view.tags === undefined ? undefined : readTags(view.tags),
    position,
    attempts: view.attempts,
    deliveries: view.deliveries,
    submitted_at: new Date(view.submittedMs).toISOString(),
    deadline: view.deadlineMs > 0 ? new Date(view.deadlineMs).toISOString() : undefined,
    timeline: { queued: 0, started: since(view.startedMs), finished: since(view.finishedMs) },
    worker: view.worker,
    batch: receipt,
    error: view.failure,
  };
}
