/** On the operations port: POST /v1/workers/scale, so many workers, and POST and DELETE /v1/workers/{id}/drain, by hand. */
import { Failure } from '@batchyard/shared/contract/failure';
import { MOST_WORKERS } from '@batchyard/shared/contract/scaling';
import type { Express } from 'express';
import type { z } from 'zod';

import { drainBody, scaleBody } from '../openapi/request-bodies.ts';
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
  /** `exit`: its process ends once it has finished. @throws Failure not_found */
  drain(worker: string, exit: boolean): Promise<void>;
  /** Takes it back. @throws Failure not_found */
  undrain(worker: string): Promise<void>;
};

const BODY_LIMIT = 16_384;

/** @param form what the body is, in words */
function read<T>(schema: z.ZodType<T>, text: string, [form, pointer]: readonly [string, string]): T {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
  } catch {
    // Said below.
  }
  throw new Failure('bad_request', `the body is ${form}`, { pointers: [pointer] });
}

export function mountScale(app: Express, desk: ScaleDesk): void {
  app.post('/v1/workers/scale', async (request, response) => {
    const body = (await readSmallBody({ request, response }, BODY_LIMIT)).toString();
    const { count } = read(scaleBody, body, [`{"count": n}, n from 1 to ${MOST_WORKERS}`, '/count']);
    sendJson(response, 202, await desk.scale(count));
  });
  app.post('/v1/workers/:id/drain', async (request, response) => {
    const body = (await readSmallBody({ request, response }, BODY_LIMIT)).toString();
    const { exit } = read(drainBody, body === '' ? '{}' : body, ['empty, or {"exit": true | false}', '/exit']);
    await desk.drain(request.params.id, exit);
    sendJson(response, 202, { id: request.params.id, draining: true, exit });
  });
  app.delete('/v1/workers/:id/drain', async (request, response) => {
    await desk.undrain(request.params.id);
    sendJson(response, 202, { id: request.params.id, draining: false });
  });
}
