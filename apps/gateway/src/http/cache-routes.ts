/** GET and DELETE /v1/cache on the operations port. */
import type { Express } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

import { sendJson } from './respond.ts';

export type CacheDesk = {
  stats(): unknown;
  /** Without a name: all models. */
  purge(model?: string): Promise<void>;
  known(model: string): boolean;
};

export function mountCache(app: Express, { stats, purge, known }: CacheDesk): void {
  app.get('/v1/cache', (_request, response) => sendJson(response, 200, stats()));
  app.delete('/v1/cache', async (_request, response) => {
    await purge();
    sendJson(response, 200, { purged: 'all' });
  });
  app.delete('/v1/cache/:model', async (request, response) => {
    const { model } = request.params;
    if (!known(model)) throw new Failure('model_not_found', `there is no model '${model.slice(0, 128)}'`);
    await purge(model);
    sendJson(response, 200, { purged: model });
  });
}
