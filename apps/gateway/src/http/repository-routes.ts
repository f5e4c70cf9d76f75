/** POST /v2/repository/…: Triton's model repository extension. An empty body is as good as an empty object. */
import type { IncomingMessage } from 'node:http';

import type { Express, Request, Response } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';
import { MODEL_NAME } from '@batchyard/shared/contract/model';
import type { RepositoryLine } from '@batchyard/shared/contract/repository';

import { readIndexRequest, readLoadRequest, readUnloadRequest } from '../protocol/repository-index.ts';
import { readSmallBody } from './read-body.ts';
import { sendBytes, sendJson } from './respond.ts';

export type RepositoryDesk = {
  index(onlyReady: boolean): Promise<RepositoryLine[]>;
  load(model: string, config: string | undefined): Promise<void>;
  unload(model: string): Promise<void>;
};

const MAX_BODY = 262_144;
const EMPTY = Buffer.alloc(0);

/** @throws Failure not_found */
function modelOf(request: Request<{ model: string }>): string {
  const { model } = request.params;
  if (!MODEL_NAME.test(model)) throw new Failure('not_found', 'Not Found');
  return model;
}

export function mountRepository(app: Express, desk: RepositoryDesk): void {
  const notAllowed = (_request: Request, response: Response): void =>
    sendJson(response, 405, { error: 'Method Not Allowed' }, { allow: 'POST' });
  const bodyOf = (request: IncomingMessage, response: Response): Promise<Buffer> =>
    readSmallBody({ request, response }, MAX_BODY);

  app.post('/v2/repository/index', async (request, response) => {
    const onlyReady = readIndexRequest(await bodyOf(request, response));
    sendJson(response, 200, await desk.index(onlyReady));
  });
  app.post('/v2/repository/models/:model/load', async (request: Request<{ model: string }>, response) => {
    const model = modelOf(request);
    await desk.load(model, readLoadRequest(model, await bodyOf(request, response)));
    sendBytes(response, 200, EMPTY, {});
  });
  app.post('/v2/repository/models/:model/unload', async (request: Request<{ model: string }>, response) => {
    const model = modelOf(request);
    readUnloadRequest(await bodyOf(request, response));
    await desk.unload(model);
    sendBytes(response, 200, EMPTY, {});
  });
  for (const path of ['index', 'models/:model/load', 'models/:model/unload'])
    app.all(`/v2/repository/${path}`, notAllowed);
}
