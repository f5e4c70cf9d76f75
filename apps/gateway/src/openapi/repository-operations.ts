/** Routes of Triton's model repository extension. */
import { z } from 'zod';

import { jsonBody, type Operation, told } from './operation.ts';
import { model } from './parameters.ts';

const TAG = 'Repository';

const index = z.array(
  z.object({
    name: z.string(),
    version: z.string().optional().describe('Absent where the model as a whole is meant.'),
    state: z.enum(['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE']),
    reason: z.string().describe('Why it is not ready, or why a newer file of it is not the one that serves; or empty.'),
  }),
);
const indexRequest = z.looseObject({ ready: z.boolean().optional().describe('Only those that are ready.') });
const loadRequest = z.looseObject({
  parameters: z
    .looseObject({
      config: z
        .string()
        .optional()
        .describe("A model configuration as a text of JSON, in Triton's names, in place of the one in the repository."),
    })
    .optional(),
});
const unloadRequest = z.looseObject({
  parameters: z.looseObject({ unload_dependents: z.boolean().optional().describe('There are none.') }).optional(),
});

export const repositorySchemas = {
  RepositoryIndex: index,
  RepositoryIndexRequest: indexRequest,
  LoadRequest: loadRequest,
  UnloadRequest: unloadRequest,
};

const FAILURES = [
  'bad_request',
  'not_found',
  'request_timeout',
  'too_large',
  'unsupported_encoding',
  'model_not_ready',
  'queue_unavailable',
] as const;

export const REPOSITORY_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/v2/repository/index',
    id: 'getRepositoryIndex',
    tag: TAG,
    summary: 'What the model repository holds, and what of it is served',
    description: 'As all workers tell it: a version is ready where one of them serves it.',
    body: jsonBody(indexRequest, { ready: true }, 'May be empty.', false),
    answers: [told(200, 'Each version of each model.', index)],
    failures: ['bad_request', 'request_timeout', 'too_large', 'unsupported_encoding', 'queue_unavailable'],
    errors: 'triton',
  },
  {
    method: 'post',
    path: '/v2/repository/models/{model}/load',
    id: 'loadModel',
    tag: TAG,
    summary: 'Load a model, or load it again where its files or its configuration have changed',
    description:
      'Under explicit control only. All workers follow, and so do those that start later; the answer comes when all have, or after a minute. While it loads, what served goes on serving.',
    parameters: [model],
    body: jsonBody(loadRequest, { parameters: { config: '{"max_batch_size":8}' } }, 'May be empty.', false),
    answers: [{ status: 200, description: 'It is served.' }],
    failures: FAILURES,
    errors: 'triton',
  },
  {
    method: 'post',
    path: '/v2/repository/models/{model}/unload',
    id: 'unloadModel',
    tag: TAG,
    summary: 'Unload a model',
    description:
      'Under explicit control only. From the answer on it is unknown; what was asked of it before is still answered.',
    parameters: [model],
    body: jsonBody(unloadRequest, {}, 'May be empty.', false),
    answers: [{ status: 200, description: 'It is no longer offered.' }],
    failures: FAILURES,
    errors: 'triton',
  },
];
