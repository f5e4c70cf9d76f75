/** The public listener's cold routes, on Express: health, metadata, its own description, and a plain 404 for everything else. */
import express, { type Express, type Request, type Response } from 'express';
import helmet from 'helmet';

import { Failure } from '@batchyard/shared/contract/failure';

import { liveBody, modelMetadata, modelReadyBody, readyBody, serverMetadata } from '../protocol/metadata.ts';
import { publicDocument } from '../openapi/public-document.ts';
import { createApiDocs } from './api-docs.ts';
import { lookUp, type ModelLookup } from './infer-route.ts';
import { matchModel } from './paths.ts';
import { sendFailure, sendJson } from './respond.ts';

type Parts = {
  readonly serverName: string;
  readonly version: string;
  readonly models: ModelLookup & { versions(name: string): string[] };
  /** Whether requests can be answered now. */
  readonly ready: () => boolean;
};

const EXTENSIONS = ['binary_tensor_data', 'classification'];

export function createPublicApp({ serverName, version, models, ready }: Parts): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing');
  app.use(helmet());

  const get = (path: string, answer: (request: Request, response: Response) => void): void => {
    app.get(path, answer);
    app.all(path, (_request, response) =>
      sendJson(response, 405, { error: 'Method Not Allowed' }, { allow: 'GET, HEAD' }),
    );
  };
  const docs = createApiDocs(publicDocument(version), { base: 'http://127.0.0.1:8000', tokenVariable: undefined });
  get('/openapi.json', docs.document);
  get('/docs', docs.page);
  get('/livez', (_request, response) => sendJson(response, 200, { live: true }));
  get('/readyz', (_request, response) => sendJson(response, ready() ? 200 : 503, { ready: ready() }));
  get('/v2/health/live', (_request, response) => sendJson(response, 200, liveBody()));
  get('/v2/health/ready', (_request, response) => sendJson(response, ready() ? 200 : 503, readyBody(ready())));
  for (const path of ['/v2', '/v2/']) {
    get(path, (_request, response) =>
      sendJson(response, 200, serverMetadata({ name: serverName, version, extensions: EXTENSIONS })),
    );
  }

  app.use((request, response) => {
    const found = request.path.startsWith('/v2/') ? matchModel(request.path) : undefined;
    if (!found || found === 'unsafe' || (found.rest !== '' && found.rest !== '/ready')) {
      sendFailure(response, new Failure('not_found', 'Not Found'));
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendJson(response, 405, { error: 'Method Not Allowed' }, { allow: 'GET, HEAD' });
      return;
    }
    try {
      const { model, workers } = lookUp(models, found);
      if (found.rest === '') {
        // A version that is asked for is described alone.
        const versions = found.version === undefined ? models.versions(found.model) : [model.version];
        sendJson(response, 200, modelMetadata(model, versions));
      } else sendJson(response, workers > 0 ? 200 : 503, modelReadyBody(model.name, workers > 0));
    } catch (error) {
      sendFailure(response, error);
    }
  });
  // Express' own answer to an error is a page with the stack.
  app.use((error: unknown, _request: Request, response: Response, _next: express.NextFunction) =>
    sendFailure(response, error),
  );
  return app;
}
