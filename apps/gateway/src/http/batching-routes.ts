/** GET and PUT /v1/models/{model}/batching on the operations port: how a model's batches are formed, changed at run time. */
import type { Express, Request, Response } from 'express';

import {
  batchingChangeSchema,
  changedBatching,
  type Batching,
  type BatchingChange,
} from '@batchyard/shared/contract/batching';
import { Failure } from '@batchyard/shared/contract/failure';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { queueName, type Model } from '@batchyard/shared/contract/model';

import { readBody } from './read-body.ts';
import { sendJson } from './respond.ts';

export type BatchingDesk = {
  readonly models: () => readonly Model[];
  readonly workers: () => readonly { readonly heartbeat: Heartbeat }[];
  batchingChange(queue: string): Promise<BatchingChange | undefined>;
  changeBatching(queue: string, change: BatchingChange): Promise<void>;
};

/** A few settings need no more. */
const BODY_LIMIT = 16_384;

/** What a worker that does not tell of it does. */
const unannounced = (model: Model): Batching => ({
  strategy: 'adaptive',
  max_rows: Math.max(1, model.maxBatchSize),
  max_wait_ms: 0,
  preferred_rows: [],
});

/** @throws Failure bad_request that points at what is wrong */
function readChange(body: Buffer): BatchingChange {
  let given: unknown;
  try {
    given = JSON.parse(body.toString());
  } catch {
    throw new Failure('bad_request', 'the body is not JSON');
  }
  const parsed = batchingChangeSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const pointers = parsed.error.issues.map((issue) => `/${issue.path.join('/')}`);
  throw new Failure('bad_request', parsed.error.issues.map((issue) => issue.message).join('; '), { pointers });
}

export function mountBatching(app: Express, desk: BatchingDesk): void {
  function versionsOf(request: Request): Model[] {
    const name = String(request.params['model']);
    const found = desk.models().filter((model) => model.name === name);
    if (found.length === 0) throw new Failure('model_not_found', `there is no model '${name.slice(0, 128)}'`);
    return found;
  }
  async function show(model: Model): Promise<Record<string, unknown>> {
    const queue = queueName(model.name, model.version);
    const configured = model.batching ?? unannounced(model);
    const change = await desk.batchingChange(queue);
    const workers = desk.workers().flatMap(({ heartbeat }) => {
      const own = heartbeat.models.find((one) => one.queue === queue)?.batching;
      return own ? [{ id: heartbeat.id, ...own }] : [];
    });
    const effective = changedBatching(configured, change);
    return { model: model.name, version: model.version, configured, changed: change ?? {}, effective, workers };
  }
  async function answer(models: readonly Model[], response: Response): Promise<void> {
    sendJson(response, 200, { versions: await Promise.all(models.map(show)) });
  }

  app.get('/v1/models/:model/batching', (request, response) => answer(versionsOf(request), response));
  app.put('/v1/models/:model/batching', async (request, response) => {
    const models = versionsOf(request);
    const change = readChange(await readBody({ request, response }, BODY_LIMIT));
    for (const model of models) await desk.changeBatching(queueName(model.name, model.version), change);
    await answer(models, response);
  });
}
