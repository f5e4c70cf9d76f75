/** The public listener's cold routes, on Express: health, metadata, its own description, and a plain 404 for everything else. */
import express, { type Express, type Request, type Response } from 'express';
import helmet from 'helmet';

import { Failure } from '@batchyard/shared/contract/failure';

import { liveBody, readyBody, serverMetadata } from '../protocol/metadata.ts';
import { createApiDocs } from './api-docs.ts';
import { auditRequest, type Audit } from './audit.ts';
import { lookUp } from './infer-route.ts';
import { createInquiries, type InquiryDesk } from './inquiry-routes.ts';
import { matchModel, type ModelPath } from './paths.ts';
import { changesServer } from './public-needs.ts';
import { mountRepository, type RepositoryDesk } from './repository-routes.ts';
import { sendFailure, sendJson } from './respond.ts';
import {
  mountPath,
  mountSettings,
  notAllowed,
  TRACE_SETTING,
  type Handler,
  type Handlers,
  type LogDesk,
} from './settings-routes.ts';

type Parts = {
  readonly serverName: string;
  readonly version: string;
  readonly inquiries: InquiryDesk;
  readonly repository: RepositoryDesk;
  readonly log: LogDesk;
  /** Whether requests can be answered now. */
  readonly ready: () => boolean;
  /** Told of what changes the server. */
  readonly audit: Audit;
};

/** Of Triton's names those that are all there. */
export const EXTENSIONS = [
  'binary_tensor_data',
  'classification',
  'logging',
  'model_configuration',
  'model_repository',
  'model_repository(unload_dependents)',
  'schedule_policy',
  'statistics',
];

export function createPublicApp({ serverName, version, inquiries, repository, log, ready, audit }: Parts): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing');
  app.use(helmet());
  app.use((request, response, next) => {
    if (changesServer(request.method, request.path)) auditRequest(request, response, audit);
    next();
  });

  const get = (path: string, answer: Handler): void => mountPath(app, path, { get: answer });
  const docs = createApiDocs({ listener: 'public', version, tokenVariable: undefined });
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

  mountRepository(app, repository);

  const { ofModel, ofAll } = createInquiries(inquiries);
  get('/v2/models/stats', async (_request, response) => {
    const { status, body } = await ofAll();
    sendJson(response, status, body);
  });

  function handlersOf(path: ModelPath): Handlers | undefined {
    if (path.rest === '/trace/setting' && path.version === undefined) {
      lookUp(inquiries.models, path);
      return TRACE_SETTING;
    }
    const inquiry = ofModel.get(path.rest);
    if (!inquiry) return undefined;
    return {
      async get(_request, response) {
        const { status, body } = await inquiry(path);
        sendJson(response, status, body);
      },
    };
  }
  mountSettings(app, log);
  app.use(async (request, response) => {
    const found = request.path.startsWith('/v2/') ? matchModel(request.path) : undefined;
    const handlers = found && found !== 'unsafe' ? handlersOf(found) : undefined;
    if (!handlers) throw new Failure('not_found', 'Not Found');
    const handler = request.method === 'POST' ? handlers.post : handlers.get;
    if (!handler || !['GET', 'HEAD', 'POST'].includes(request.method)) notAllowed(handlers)(request, response);
    else await handler(request, response);
  });
  // Express' own answer to an error is a page with the stack. It decodes the names in a path.
  app.use((error: unknown, _request: Request, response: Response, _next: express.NextFunction) =>
    sendFailure(response, error instanceof URIError ? new Failure('not_found', 'Not Found') : error),
  );
  return app;
}
