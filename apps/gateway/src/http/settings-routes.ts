/**
 * Settings and shared memory of Triton's extensions: the level of this gateway's log can be read and set; tracing is off;
 * there is no shared memory, and whoever asks is told so in a form that its client understands.
 */
import type { Express, Request, Response } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

import { changedLevel, logSettings } from '../protocol/log-settings.ts';
import { changedTrace, traceSettings } from '../protocol/trace-settings.ts';
import { readSmallBody } from './read-body.ts';
import { sendJson } from './respond.ts';

/** The log of this gateway. */
export type LogDesk = { level: string };

const BODY_LIMIT = 16_384;
const MEMORIES = { systemsharedmemory: 'system', cudasharedmemory: 'cuda' } as const;

export type Handler = (request: Request, response: Response) => void | Promise<void>;
export type Handlers = { readonly get?: Handler | undefined; readonly post?: Handler | undefined };

export function notAllowed({ get, post }: Handlers): (request: Request, response: Response) => void {
  const allow = [...(get ? ['GET', 'HEAD'] : []), ...(post ? ['POST'] : [])].join(', ');
  return (_request, response) => sendJson(response, 405, { error: 'Method Not Allowed' }, { allow });
}

/** Mounts what a path has, and a 405 for every other method. */
export function mountPath(app: Express, path: string, { get, post }: Handlers): void {
  if (get) app.get(path, get);
  if (post) app.post(path, post);
  app.all(path, notAllowed({ get, post }));
}

/** @throws Failure bad_request, too_large, unsupported_encoding */
async function readJson(request: Request, response: Response): Promise<unknown> {
  const body = await readSmallBody({ request, response }, BODY_LIMIT);
  if (body.byteLength === 0) return {};
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new Failure('bad_request', 'the body is not JSON');
  }
}

/** Of all models, and of each of them. */
export const TRACE_SETTING: Handlers = {
  get: (_request, response) => sendJson(response, 200, traceSettings()),
  async post(request, response) {
    sendJson(response, 200, changedTrace(await readJson(request, response)));
  },
};

/** A route that is there only to say no: documents do not tell of it, and clients still learn why. */
function mountRefusal(app: Express, path: string, method: 'get' | 'post', why: (region: string) => Failure): void {
  const refuse: Handler = async (request, response) => {
    await readSmallBody({ request, response }, BODY_LIMIT);
    throw why(String(request.params['region']).slice(0, 128));
  };
  const asked = method === 'get' ? ['GET', 'HEAD'] : ['POST'];
  const other = notAllowed({ [method]: refuse });
  app.all(path, (request, response) =>
    asked.includes(request.method) ? refuse(request, response) : other(request, response),
  );
}

function mountSharedMemory(app: Express): void {
  const done: Handler = async (request, response) => {
    await readSmallBody({ request, response }, BODY_LIMIT);
    sendJson(response, 200, {});
  };
  for (const [path, kind] of Object.entries(MEMORIES)) {
    const region = `/v2/${path}/region/:region`;
    mountPath(app, `/v2/${path}/status`, { get: (_request, response) => sendJson(response, 200, []) });
    mountPath(app, `/v2/${path}/unregister`, { post: done });
    mountPath(app, `${region}/unregister`, { post: done });
    mountRefusal(app, `${region}/status`, 'get', (name) => {
      return new Failure('not_found', `Unable to find ${kind} shared memory region: '${name}'`);
    });
    mountRefusal(app, `${region}/register`, 'post', () => {
      return new Failure('bad_request', `${kind} shared memory is not supported`);
    });
  }
}

export function mountSettings(app: Express, log: LogDesk): void {
  mountPath(app, '/v2/logging', {
    get: (_request, response) => sendJson(response, 200, logSettings(log.level)),
    async post(request, response) {
      log.level = changedLevel(log.level, await readJson(request, response));
      sendJson(response, 200, logSettings(log.level));
    },
  });
  mountPath(app, '/v2/trace/setting', TRACE_SETTING);
  mountSharedMemory(app);
}
