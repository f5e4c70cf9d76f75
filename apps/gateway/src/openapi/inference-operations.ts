/** Routes of the Open Inference Protocol, and the probes of the public listener. */
import { modelConfiguration, modelStats } from './extension-schemas.ts';
import {
  ACCEPTED,
  ADMISSION_FAILURES,
  OUTPUTS,
  REQUEST_BODY,
  REQUEST_FAILURES,
  REQUEST_PARAMETERS,
} from './infer-request.ts';
import { live, modelMetadata, modelReady, ready, serverMetadata, serverReady } from './inference-schemas.ts';
import { type Operation, told } from './operation.ts';
import { acceptEncoding, idempotencyKey, model, prefer, version } from './parameters.ts';

const TAG = 'Inference';
const HEALTH = 'Health';

/** A route of a model, and the same of one of its versions. */
export function ofVersionsToo(operation: Operation): Operation[] {
  const { path, id, summary, parameters = [] } = operation;
  return [
    { ...operation, parameters: [model, ...parameters] },
    {
      ...operation,
      path: path.replace('{model}', '{model}/versions/{version}'),
      id: `${id}OfVersion`,
      summary: summary.replace('a model', 'a version of a model'),
      parameters: [model, version, ...parameters],
    },
  ];
}

/** As the operations listener has it as well. */
export const INFER: Omit<Operation, 'path' | 'id' | 'tag' | 'summary'> = {
  method: 'post',
  description:
    'Waits in the queue, runs in a batch with others, and answers. A caller that hangs up takes its request back. A deadline that passes is told as 503.',
  parameters: [...REQUEST_PARAMETERS, acceptEncoding, prefer, idempotencyKey],
  body: REQUEST_BODY,
  answers: [
    { ...OUTPUTS, headers: [...(OUTPUTS.headers ?? []), 'Batchyard-Cache'] },
    { ...ACCEPTED, description: '`Prefer: respond-async` asked for a job, as under `/v1`; it is stored.' },
  ],
  failures: [
    ...REQUEST_FAILURES,
    'key_reused',
    ...ADMISSION_FAILURES,
    'model_not_ready',
    'model_failing',
    'expired',
    'removed',
    'model_error',
    'model_changed',
    'no_input',
    'poison',
    'worker_error',
    'internal',
  ],
  errors: 'triton',
  traced: true,
};

const ofModel = { method: 'get', tag: TAG, errors: 'triton', failures: ['not_found', 'model_not_found'] } as const;

export const INFERENCE_OPERATIONS: readonly Operation[] = [
  ...ofVersionsToo({ ...INFER, path: '/v2/models/{model}/infer', id: 'infer', tag: TAG, summary: 'Run a model' }),
  ...ofVersionsToo({
    ...ofModel,
    path: '/v2/models/{model}',
    id: 'getModel',
    summary: 'Inputs and outputs of a model',
    answers: [told(200, 'Its metadata.', modelMetadata)],
  }),
  ...ofVersionsToo({
    ...ofModel,
    path: '/v2/models/{model}/ready',
    id: 'getModelReady',
    summary: 'Whether a model is served',
    answers: [told(200, 'A worker serves it.', modelReady), told(503, 'No worker serves it now.', modelReady)],
  }),
  ...ofVersionsToo({
    ...ofModel,
    failures: [...ofModel.failures, 'queue_unavailable'],
    path: '/v2/models/{model}/config',
    id: 'getModelConfig',
    summary: 'Configuration of a model',
    description:
      'What its file says, with the tensors and the batch size that it is served with. What has no meaning here is shown as it is written; docs/models.md tells what is obeyed.',
    answers: [told(200, 'Its configuration.', modelConfiguration)],
  }),
  ...ofVersionsToo({
    ...ofModel,
    failures: [...ofModel.failures, 'queue_unavailable'],
    path: '/v2/models/{model}/stats',
    id: 'getModelStats',
    summary: 'Statistics of a model',
    description: 'Of the whole cluster since the queue of the model exists. Without a version those of all versions.',
    answers: [told(200, 'Its statistics.', modelStats)],
  }),
  {
    method: 'get',
    path: '/v2/models/stats',
    id: 'getStats',
    tag: TAG,
    summary: 'Statistics of all models',
    answers: [told(200, 'Their statistics.', modelStats)],
    failures: ['queue_unavailable'],
    errors: 'triton',
  },
  {
    method: 'get',
    path: '/v2',
    id: 'getServer',
    tag: TAG,
    summary: 'Name, version and extensions of the server',
    description: '`/v2/` answers as well.',
    errors: 'triton',
    answers: [told(200, 'Its metadata.', serverMetadata)],
  },
  {
    method: 'get',
    path: '/v2/health/live',
    id: 'getServerLive',
    tag: HEALTH,
    summary: 'Whether the gateway lives, as the protocol asks it',
    answers: [told(200, 'It does.', live)],
  },
  {
    method: 'get',
    path: '/v2/health/ready',
    id: 'getServerReady',
    tag: HEALTH,
    summary: 'Whether requests can be answered, as the protocol asks it',
    answers: [
      told(200, 'They can.', serverReady),
      told(503, 'It drains, has lost Redis, or no worker serves any model.', serverReady),
    ],
  },
  {
    method: 'get',
    path: '/livez',
    id: 'getLive',
    tag: HEALTH,
    summary: 'Whether the gateway lives',
    answers: [told(200, 'It does.', live)],
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'getReady',
    tag: HEALTH,
    summary: 'Whether requests can be answered',
    answers: [
      told(200, 'They can.', ready),
      told(503, 'It drains, has lost Redis, or no worker serves any model.', ready),
    ],
  },
];
