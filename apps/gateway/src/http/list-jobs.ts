/** GET /v1/jobs: the durable jobs of the caller's tenant, the latest first, by what they are asked to be. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { IndexedJob, IndexPlace } from '@batchyard/queue/job-index';
import type { JobView } from '@batchyard/queue/operations';
import { Failure } from '@batchyard/shared/contract/failure';
import { JOB_STATUSES, PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import { MODEL_NAME, modelOfQueue } from '@batchyard/shared/contract/model';

import { callerOf } from './caller.ts';
import { sinceOf } from './ops-parameters.ts';
import { sendJson } from './respond.ts';
import { readTags, type Tags } from './submit-options.ts';

export type ListDesk = {
  queues(): Promise<readonly string[]>;
  indexed(
    tenant: string,
    queues: readonly string[],
    page: { readonly limit: number; readonly after?: IndexPlace | undefined; readonly sinceMs?: number | undefined },
  ): Promise<readonly IndexedJob[]>;
  views(queue: string, ids: readonly string[]): Promise<readonly JobView[]>;
};

type Found = { readonly queue: string; readonly view: JobView };
type Asked = {
  readonly model: string | undefined;
  readonly limit: number;
  readonly sinceMs: number | undefined;
  readonly after: IndexPlace | undefined;
  readonly fits: (view: JobView) => boolean;
};

const MOST_LISTED = 200;
const USUAL = 50;
/** Jobs that one answer looks at; the cursor of its answer goes on from there. */
const LOOKED_AT = 2_000;
const CURSOR = /^(\d{1,15})_([A-Za-z0-9_-]{1,64})$/;

/** @throws Failure bad_request */
function oneOf<T extends string>(query: URLSearchParams, name: string, values: readonly T[]): T | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const found = values.find((value) => value === text);
  if (found === undefined) throw new Failure('bad_request', `${name} is one of ${values.join(', ')}`);
  return found;
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') || String(USUAL);
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MOST_LISTED) throw new Failure('bad_request', `limit is a number of 1 to ${MOST_LISTED}`);
  return limit;
}

function modelOf(query: URLSearchParams): string | undefined {
  const model = query.get('model') || undefined;
  if (model !== undefined && !MODEL_NAME.test(model)) throw new Failure('bad_request', 'model is the name of a model');
  return model;
}

function cursorOf(query: URLSearchParams): IndexPlace | undefined {
  const text = query.get('cursor') || undefined;
  if (text === undefined) return undefined;
  const [, submitted, id] = CURSOR.exec(text) ?? [];
  if (submitted === undefined || id === undefined)
    throw new Failure('bad_request', 'cursor is the next_cursor of an earlier answer');
  return { submittedMs: Number(submitted), id };
}

/** `tag=team` or `tag=team=vision`, several times where all of them are meant. */
function tagsOf(query: URLSearchParams): (view: JobView) => boolean {
  const wanted = query.getAll('tag').filter((text) => text !== '');
  if (wanted.length === 0) return () => true;
  return ({ tags }) => {
    const own: Tags = readTags(tags);
    return wanted.every((text) => {
      const cut = text.indexOf('=');
      return cut < 0 ? Object.hasOwn(own, text) : own[text.slice(0, cut)] === text.slice(cut + 1);
    });
  };
}

function read(url: string, nowMs: number): Asked {
  const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
  const status = oneOf(query, 'status', JOB_STATUSES);
  const priority = oneOf(query, 'priority', PRIORITY_CLASSES);
  const tagged = tagsOf(query);
  return {
    model: modelOf(query),
    limit: limitOf(query),
    sinceMs: sinceOf(query.get('since') || undefined, 'since', nowMs),
    after: cursorOf(query),
    fits: (view) =>
      (status === undefined || view.status === status) &&
      (priority === undefined || view.priority === priority) &&
      tagged(view),
  };
}

export function createJobList(desk: ListDesk, describe: (queue: string, view: JobView) => unknown) {
  /** What is gone by now is not among them. */
  async function look(entries: readonly IndexedJob[]): Promise<Map<string, Found>> {
    const found = new Map<string, Found>();
    for (const queue of new Set(entries.map((entry) => entry.queue))) {
      const ids = entries.filter((entry) => entry.queue === queue).map(({ id }) => id);
      for (const view of await desk.views(queue, ids)) found.set(view.id, { queue, view });
    }
    return found;
  }

  async function page(tenant: string, asked: Asked): Promise<{ jobs: Found[]; after: IndexPlace | undefined }> {
    const { limit, sinceMs, fits } = asked;
    const queues = (await desk.queues()).filter(
      (queue) => asked.model === undefined || modelOfQueue(queue).model === asked.model,
    );
    const jobs: Found[] = [];
    let { after } = asked;
    for (let looked = 0; looked < LOOKED_AT; looked += MOST_LISTED) {
      const entries = await desk.indexed(tenant, queues, { limit: MOST_LISTED, after, sinceMs });
      const views = await look(entries);
      for (const entry of entries) {
        after = entry;
        const one = views.get(entry.id);
        if (one && one.view.tenant === tenant && fits(one.view)) jobs.push(one);
        if (jobs.length === limit) return { jobs, after };
      }
      if (entries.length < MOST_LISTED) return { jobs, after: undefined };
    }
    return { jobs, after };
  }

  return async function list(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = read(request.url ?? '', Date.now());
    const { jobs, after } = await page(callerOf(request).tenant, asked);
    sendJson(response, 200, {
      jobs: jobs.map(({ queue, view }) => describe(queue, view)),
      next_cursor: after ? `${after.submittedMs}_${after.id}` : null,
    });
  };
}
