/**
 * The models with their metadata on the operations port, and the public port's routes that the dashboard needs: the page
 * may speak with its own origin only. They are handed to the same handler, so they are checked and counted like any other.
 */
import type { Express, Request, Response } from 'express';

import { publicShape, type Model, type TensorSpec } from '@batchyard/shared/contract/model';

import type { FastLane } from './fast-lane.ts';

import { sendJson } from './respond.ts';

export type ModelDesk = {
  readonly models: () => readonly {
    readonly model: Model;
    readonly queue: string;
    readonly workers: number;
    readonly offered: boolean;
  }[];
  /** Where clients reach the public port. */
  readonly publicUrl: () => string;
  readonly publicLane: FastLane;
};

export function mountModels(app: Express, { models, publicUrl, publicLane }: ModelDesk): void {
  app.get('/v1/models', (_request, response) => {
    const offered = models().filter((one) => one.offered);
    const lines = offered.map(({ model, queue, workers }) => {
      const shown = (spec: TensorSpec) => ({
        name: spec.name,
        datatype: spec.datatype,
        shape: publicShape(model, spec),
        optional: spec.optional === true,
      });
      const { name, version, maxBatchSize, inputs, outputs } = model;
      const tensors = { inputs: inputs.map(shown), outputs: outputs.map(shown) };
      return { name, version, queue, workers, max_batch_size: maxBatchSize, ...tensors };
    });
    sendJson(response, 200, { public_url: publicUrl(), models: lines });
  });
  // Spelled as the public port wants it, which Express does not insist on.
  const handOn = (request: Request, response: Response, path: string): void => {
    request.url = path;
    publicLane(request, response);
  };
  const job = (id: string): string => `/v1/jobs/${encodeURIComponent(id)}`;
  const model = (version: 'v1' | 'v2', name: string): string => `/${version}/models/${encodeURIComponent(name)}`;
  app.post('/v1/models/:model/infer', (request, response) =>
    handOn(request, response, `${model('v2', request.params.model)}/infer`),
  );
  app.post('/v1/models/:model/jobs', (request, response) =>
    handOn(request, response, `${model('v1', request.params.model)}/jobs`),
  );
  app.post('/v1/jobs/:id/retry', (request, response) => handOn(request, response, `${job(request.params.id)}/retry`));
  app.delete('/v1/jobs/:id', (request, response) => handOn(request, response, job(request.params.id)));
}
