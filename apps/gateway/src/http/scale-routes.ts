/** POST /v1/workers/scale on the operations port: so many workers, by hand. */
import { Failure } from '@batchyard/shared/contract/failure';
import { MOST_WORKERS } from '@batchyard/shared/contract/scaling';
import type { Express } from 'express';
import { z } from 'zod';

import { readSmallBody } from './read-body.ts';
import { sendJson } from './respond.ts';

export type ScalePlan = {
  readonly before: number;
  readonly count: number;
  readonly supervisors: readonly { id: string; host: string; from: number; to: number }[];
};
export type ScaleDesk = {
  /** @throws Failure conflict without a supervisor, bad_request outside of what they allow */
  scale(count: number): Promise<ScalePlan>;
};

const BODY_LIMIT = 16_384;
const bodySchema = z.strictObject({ count: z.int().min(1).max(MOST_WORKERS) });

function readCount(body: Buffer): number {
  try {
    const parsed = bodySchema.safeParse(JSON.parse(body.toString()));
    if (parsed.success) return parsed.data.count;
  } catch {
    // Said below.
  }
  throw new Failure('bad_request', `the body is {"count": n}, n from 1 to ${MOST_WORKERS}`, { pointers: ['/count'] });
}

export function mountScale(app: Express, desk: ScaleDesk): void {
  app.post('/v1/workers/scale', async (request, response) => {
    const count = readCount(await readSmallBody({ request, response }, BODY_LIMIT));
    sendJson(response, 202, await desk.scale(count));
  });
}
