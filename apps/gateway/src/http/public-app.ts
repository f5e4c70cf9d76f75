/** The public listener's cold routes, on Express: health, metadata, its own description, and a plain 404 for everything else. */
import express, { type Express, type Request, type Response } from 'express';
import helmet from 'helmet';

import { Failure } from '@batchyard/shared/contract/failure';

import { liveBody, readyBody, serverMetadata } from '../protocol/metadata.ts';
import { publicDocument } from '../openapi/public-document.ts';
import { createApiDocs } from './api-docs.ts';
import { auditRequest, type Audit } from './audit.ts';
import { createInquiries, type InquiryDesk } from './inquiry-routes.ts';
import { matchModel } from './paths.ts';
import { publicNeeds } from './public-needs.ts';
import { mountRepository, type RepositoryDesk } from './repository-routes.ts';
import { sendFailure, sendJson } from './respond.ts';

type Parts = {
  readonly serverName: string;
  readonly version: string;
  readonly inquiries: InquiryDesk;
  readonly repository: RepositoryDesk;
  /** Whether requests can be answered now. */
  readonly ready: () => boolean;
  /** Told of what changes the server. */
  readonly audit: Audit;
};

/** Of Triton's names those that are all there. */
export const EXTENSIONS = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'model_repository(unload_dependents)',
  'schedule_policy',
  'statistics',
];

export function createPublicApp({ serverName, version, inquiries, repository, ready, audit }: Parts): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing');
  app.use(helmet());
  app.use((request, response, next) => {
    if (publicNeeds(request.method, request.path) === 'admin')
      auditRequest(request, response, (line) => (line.status < 400 ? audit(line) : undefined));
    next();
  });

  const get = (path: string, answer: (request: Request, response: Response) => void | Promise<void>): void => {
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

  mountRepository(app, repository);

  const { ofModel, ofAll } = createInquiries(inquiries);
  get('/v2/models/stats', async (_request, response) => {
    const { status, body } = await ofAll();
    sendJson(response, status, body);
  });

  app.use(async (request, response) => {
    const found = request.path.startsWith('/v2/') ? matchModel(request.path) : undefined;
    const inquiry = found && found !== 'unsafe' ? ofModel.get(found.rest) : undefined;
    if (!found || found === 'unsafe' || !inquiry) {
      sendFailure(response, new Failure('not_found', 'Not Found'));
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendJson(response, 405, { error: 'Method Not Allowed' }, { allow: 'GET, HEAD' });
      return;
    }
    const { status, body } = await inquiry(found);
    sendJson(response, status, body);
  });
  // Express' own answer to an error is a page with the stack.
  app.use((error: unknown, _request: Request, response: Response, _next: express.NextFunction) =>
    sendFailure(response, error),
  );
  return app;
}
