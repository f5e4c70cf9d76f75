/** Operations routes of workers, models, memory and Redis. */
import { INFER } from './inference-operations.ts';
import { SUBMIT } from './job-operations.ts';
import { jsonBody, type Operation, told } from './operation.ts';
import { model, worker } from './parameters.ts';
import { drainBody, scaleBody } from './request-bodies.ts';
import {
  memoryReport,
  modelList,
  redisFacts,
  workerDetail,
  workerDrained,
  workerList,
  workersScaled,
  workerUndrained,
} from './worker-schemas.ts';

const WORKERS = 'Workers';
const MODELS = 'Models';
const MACHINES = 'Memory and Redis';
const REDIS = ['queue_unavailable', 'internal'] as const;
const BODY = ['bad_request', 'too_large', 'unsupported_encoding', ...REDIS] as const;

export const FLEET_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/workers',
    id: 'listWorkers',
    tag: WORKERS,
    summary: 'All workers',
    description: 'Those heard of within the last minute.',
    answers: [told(200, 'Their last heartbeats.', workerList)],
  },
  {
    method: 'get',
    path: '/v1/workers/{id}',
    id: 'getWorker',
    tag: WORKERS,
    summary: 'A worker',
    parameters: [worker],
    answers: [told(200, 'Its last heartbeat.', workerDetail)],
    failures: ['not_found'],
  },
  {
    method: 'post',
    path: '/v1/workers/scale',
    id: 'scaleWorkers',
    tag: WORKERS,
    summary: 'Another number of workers',
    description: 'Shared evenly among the supervisors. For five minutes the autoscaler leaves it alone.',
    body: jsonBody(scaleBody, { count: 4 }, 'How many.'),
    answers: [told(202, 'What each supervisor will do.', workersScaled)],
    failures: [...BODY, 'conflict'],
  },
  {
    method: 'post',
    path: '/v1/workers/{id}/drain',
    id: 'drainWorker',
    tag: WORKERS,
    summary: 'Drain a worker',
    description:
      'Within about two seconds it takes nothing more; it finishes what it holds, and stays so until it is told otherwise.',
    parameters: [worker],
    body: jsonBody(drainBody, { exit: false }, 'May be empty.', false),
    answers: [told(202, 'It will.', workerDrained)],
    failures: [...BODY, 'not_found'],
  },
  {
    method: 'delete',
    path: '/v1/workers/{id}/drain',
    id: 'undrainWorker',
    tag: WORKERS,
    summary: 'Have a drained worker serve again',
    parameters: [worker],
    answers: [told(202, 'It will.', workerUndrained)],
    failures: ['not_found', ...REDIS],
  },
  {
    method: 'get',
    path: '/v1/models',
    id: 'listModels',
    tag: MODELS,
    summary: 'All models with their metadata',
    answers: [told(200, 'Each version of each.', modelList)],
  },
  {
    ...INFER,
    path: '/v1/models/{model}/infer',
    id: 'infer',
    tag: MODELS,
    summary: 'Run a model',
    description:
      'As the public `/v2/models/{model}/infer`, which it is handed to; its errors have the form of this port.',
    errors: 'problem',
    parameters: [model, ...(INFER.parameters ?? [])],
  },
  {
    ...SUBMIT,
    path: '/v1/models/{model}/jobs',
    id: 'submitJob',
    tag: MODELS,
    summary: 'Submit a job to a model',
    parameters: [model, ...(SUBMIT.parameters ?? [])],
  },
  {
    method: 'get',
    path: '/v1/memory',
    id: 'getMemory',
    tag: MACHINES,
    summary: 'Memory of this gateway and of the workers',
    answers: [told(200, 'Pools, bytes in flight, and how often bytes were copied.', memoryReport)],
  },
  {
    method: 'get',
    path: '/v1/redis',
    id: 'getRedis',
    tag: MACHINES,
    summary: 'The Redis behind the cluster',
    answers: [told(200, 'Memory, policy, persistence, load.', redisFacts)],
    failures: REDIS,
  },
];
