/**
 * The hot routes on bare node:http: infer, submit, look, result, cancel. Whatever it does not know it leaves to Express,
 * which costs several times as much a request.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';
import { DEFAULT_CLASS, type PriorityClass } from '@batchyard/shared/contract/job';

import type { InferResponse } from '../protocol/encode-infer.ts';
import {
  hangUp,
  readAnnounced,
  readAsked,
  sendInfer,
  type Announced,
  type Asked,
  type Limits,
  type ModelLookup,
  type Noted,
} from './infer-route.ts';
import { createJobRoutes, type JobDesk } from './job-routes.ts';
import { matchJob, matchModel, pathOf } from './paths.ts';
import type { Exchange } from './read-body.ts';
import { givenRequestId, newRequestId, REQUEST_ID } from './request-id.ts';
import { asFailure, sendFailure } from './respond.ts';
import { preferenceOf } from './submit-options.ts';

type Parts = {
  readonly infer: (asked: Asked, gone: Promise<void>) => Promise<InferResponse>;
  readonly desk: JobDesk;
  readonly models: ModelLookup;
  readonly limits: { readonly infer: Limits; readonly jobs: Limits };
  readonly observe: Observe;
  /** Where there are traces. */
  readonly trace?: TraceRequest | undefined;
  /** Told of every request that failed for another reason than its own content. */
  readonly report: (trouble: Trouble) => void;
};

/** Told of each request of a hot route when it comes, and after its answer. */
export type Observe = { began(): void; ended(request: EndedRequest): void };

/** Begins the span of a request. @param parent the traceparent that came with it */
export type TraceRequest = (
  route: string,
  parent: string | undefined,
) => { readonly place: string; end(request: EndedRequest): void };

export type EndedRequest = {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  /** Undefined where no such model is known. */
  readonly queue: string | undefined;
  readonly priority: PriorityClass;
  /** Why it failed; undefined where it did not. */
  readonly code: FailureCode | undefined;
};

export type Trouble = {
  readonly requestId: string;
  readonly route: string;
  readonly failure: Failure;
  readonly error: unknown;
};

/** What nginx logs for a caller that hung up. */
const CLIENT_CLOSED = 499;

/** What was thrown before there was a promise counts like what was returned. */
function begun(work: () => Promise<void> | Failure): Promise<void> | Failure {
  try {
    return work();
  } catch (error) {
    return asFailure(error);
  }
}

function traceparent({ headers }: IncomingMessage): string | undefined {
  const given = headers['traceparent'];
  return typeof given === 'string' ? given : undefined;
}

export type FastLane = (request: IncomingMessage, response: ServerResponse) => boolean;

/** @returns a handler that tells whether it took the request */
export function createFastLane({ infer, desk, models, limits, observe, trace, report }: Parts): FastLane {
  const jobs = createJobRoutes({ desk, models, limits: limits.jobs });

  /** @param work a failure that it returns costs less than one that it throws: refusals come by the thousand */
  function run(route: string, response: ServerResponse, work: (noted: Noted) => Promise<void> | Failure): true {
    const started = performance.now();
    const span = trace?.(route, traceparent(response.req));
    const noted: Noted = span ? { trace: span.place } : {};
    let code: FailureCode | undefined;
    observe.began();
    const given = givenRequestId(response.req);
    if (given !== undefined) response.setHeader(REQUEST_ID, given);
    function fail(error: unknown): void {
      const failure = asFailure(error);
      code = failure.code;
      if (failure.kind.status < 500) {
        sendFailure(response, failure);
        return;
      }
      const requestId = given ?? newRequestId();
      report({ requestId, route, failure, error });
      sendFailure(response, failure, given === undefined ? requestId : undefined);
    }
    function end(): void {
      limits.infer.intake.inFlight.leave(response.req);
      const status = response.destroyed && !response.headersSent ? CLIENT_CLOSED : response.statusCode;
      const { queue, priority = DEFAULT_CLASS } = noted;
      const seconds = (performance.now() - started) / 1000;
      const ended = { route, method: response.req.method ?? '', status, seconds, queue, priority, code };
      observe.ended(ended);
      span?.end(ended);
    }
    const outcome = begun(() => work(noted));
    if (outcome instanceof Promise) outcome.catch(fail).finally(end);
    else {
      fail(outcome);
      end();
    }
    return true;
  }

  async function answer(exchange: Exchange & { readonly noted: Noted }, announced: Announced): Promise<void> {
    const { request, response } = exchange;
    const asked = await readAsked(exchange, announced, limits.infer);
    sendInfer(request, response, await infer(asked, hangUp(response)), limits.infer.copies);
  }

  function notAllowed(response: ServerResponse, allow: string): true {
    response.setHeader('allow', allow);
    sendFailure(response, new Failure('method_not_allowed', 'Method Not Allowed'));
    return true;
  }

  return (request, response) => {
    const url = request.url ?? '';
    const path = pathOf(url);
    const method = request.method ?? '';
    if (path.endsWith('/infer') && path.startsWith('/v2/')) {
      const found = matchModel(path);
      if (!found) return false;
      if (found !== 'unsafe' && found.rest !== '/infer') return false;
      if (method !== 'POST') return notAllowed(response, 'POST');
      if (request.headers['prefer'] !== undefined && found !== 'unsafe' && preferenceOf(request.headers).respondAsync)
        return run('submit', response, (noted) => jobs.submit({ request, response, noted }, found));
      return run('infer', response, (noted) => {
        if (found === 'unsafe') return new Failure('not_found', 'Not Found');
        const announced = readAnnounced({ request, noted }, found, models);
        return limits.infer.screen(announced) ?? answer({ request, response, noted }, announced);
      });
    }
    if (!path.startsWith('/v1/')) return false;
    if (path === '/v1/jobs') {
      if (method !== 'GET') return notAllowed(response, 'GET');
      return run('jobs', response, () => jobs.list(request, response));
    }
    const bulk = path.endsWith('/jobs/bulk');
    if (bulk || path.endsWith('/jobs')) {
      const found = matchModel(path);
      if (!found || (found !== 'unsafe' && found.rest !== (bulk ? '/jobs/bulk' : '/jobs'))) return false;
      if (method !== 'POST') return notAllowed(response, 'POST');
      return run(bulk ? 'bulk' : 'submit', response, async (noted) => {
        if (found === 'unsafe') throw new Failure('not_found', 'there is no such model');
        await (bulk ? jobs.submitBulk : jobs.submit)({ request, response, noted }, found);
      });
    }
    const job = matchJob(path);
    if (!job) return false;
    const { id, part } = job;
    if (part === 'retry') {
      if (method !== 'POST') return notAllowed(response, 'POST');
      return run('retry', response, () => jobs.retry(request, response, id));
    }
    if (method === 'GET') return run(part ?? 'job', response, () => jobs[part ?? 'show'](request, response, id));
    if (method === 'DELETE' && part === undefined)
      return run('cancel', response, () => jobs.cancel(request, response, id));
    return notAllowed(response, part === undefined ? 'GET, DELETE' : 'GET');
  };
}
