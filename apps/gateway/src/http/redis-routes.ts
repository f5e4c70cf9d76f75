/** GET /v1/redis on the operations port: memory against maxmemory, policy, persistence, operations a second. */
import type { Express } from 'express';

import type { RedisFacts } from '@batchyard/queue/redis-figures';

import { sendJson } from './respond.ts';

export type RedisDesk = { readonly redisFacts: () => Promise<RedisFacts>; readonly shownUrl: string };

export function mountRedis(app: Express, { redisFacts, shownUrl }: RedisDesk): void {
  app.get('/v1/redis', async (_request, response) =>
    sendJson(response, 200, { url: shownUrl, ...(await redisFacts()) }),
  );
}
