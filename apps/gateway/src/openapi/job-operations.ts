/** Routes of durable jobs. */
import { z } from 'zod';

import { priorityClass } from './fields.ts';
import {
  ACCEPTED,
  ADMISSION_FAILURES,
  OUTPUTS,
  REQUEST_BODY,
  REQUEST_FAILURES,
  REQUEST_PARAMETERS,
} from './infer-request.ts';
import { ofVersionsToo } from './inference-operations.ts';
import {
  job,
  JOB_EVENTS,
  jobCancelled,
  jobList,
  jobPending,
  jobRetried,
  jobStatus,
  jobWebhook,
} from './job-schemas.ts';
import { type Operation, type Parameter, streamed, told } from './operation.ts';
import {
  acceptEncoding,
  contentEncoding,
  idempotencyKey,
  ifNoneMatch,
  jobId,
  limit,
  prefer,
  priority,
  tags,
  text,
  timeout,
  wait,
  webhook,
} from './parameters.ts';

const TAG = 'Jobs';
const NDJSON_TYPE = 'application/x-ndjson';

const asked = (name: string, description: string, schema: z.ZodType): Parameter => ({
  name,
  in: 'query',
  description,
  schema,
});

type Route = Omit<Operation, 'path' | 'id' | 'tag' | 'summary'>;
const LOOKING = ['not_found', 'gone', 'queue_unavailable', 'internal'] as const;

/** These three are on the operations listener too. */
export const SUBMIT: Route = {
  method: 'post',
  description:
    'Answers once Redis has the job. Its result is kept for ten minutes after its end (`BATCHYARD_RESULT_TTL`), and then answers 410.',
  parameters: [...REQUEST_PARAMETERS, idempotencyKey, prefer, tags, webhook],
  body: REQUEST_BODY,
  answers: [
    { ...OUTPUTS, description: `It was done in the time that \`Prefer: wait\` gave it. ${OUTPUTS.description}` },
    ACCEPTED,
  ],
  failures: [...REQUEST_FAILURES, 'key_reused', ...ADMISSION_FAILURES, 'internal'],
  traced: true,
};
export const CANCEL: Route = {
  method: 'delete',
  description: 'The same answer when asked again.',
  parameters: [jobId],
  answers: [
    told(200, 'It waited, and will not run.', jobCancelled),
    told(202, 'It runs; its result will be dropped.', jobCancelled),
  ],
  failures: ['conflict', ...LOOKING],
  traced: true,
};
export const RETRY: Route = {
  method: 'post',
  description: 'A job that failed or expired runs once more from the input that it kept.',
  parameters: [jobId, timeout],
  answers: [told(202, 'It waits again.', jobRetried, ['Location', 'Retry-After'])],
  failures: ['bad_request', 'conflict', ...LOOKING, 'queue_full'],
  traced: true,
};

export const JOB_OPERATIONS: readonly Operation[] = [
  ...ofVersionsToo({
    ...SUBMIT,
    path: '/v1/models/{model}/jobs',
    id: 'submitJob',
    tag: TAG,
    summary: 'Submit a job to a model',
  }),
  ...ofVersionsToo({
    method: 'post',
    path: '/v1/models/{model}/jobs/bulk',
    id: 'submitJobs',
    tag: TAG,
    summary: 'Submit many jobs to a model',
    description:
      'An inference request in JSON a line, 1,000 at most; blank lines are left out. Each is answered by a line, in order, as soon as it can be: `{"status":202,"id":"…"}`, or `status`, `code` and `detail` of its failure. Good lines are accepted though others are not. With `Idempotency-Key` each line has a key of its own, made of it and the number of the line; then its answer says `"replayed":true` where its job was there already.',
    parameters: [priority, timeout, contentEncoding, idempotencyKey, tags, webhook],
    body: { required: true, description: 'NDJSON, 64 MiB at most.', content: [{ type: NDJSON_TYPE }] },
    answers: [{ status: 200, description: 'A line for each.', content: [{ type: NDJSON_TYPE, schema: z.string() }] }],
    failures: [...REQUEST_FAILURES, 'overloaded', 'internal'],
    traced: true,
  }),
  {
    method: 'get',
    path: '/v1/jobs',
    id: 'listJobs',
    tag: TAG,
    summary: 'Find jobs',
    description:
      'The latest first, waiting, running and ended ones, until their results are no longer kept. An answer looks at 2,000 jobs at most, so one with few or no jobs may have a cursor.',
    parameters: [
      asked('model', 'Name of the model; all of its versions are meant.', text),
      asked('status', 'State of the job.', jobStatus),
      asked('priority', 'Class of the job.', priorityClass),
      asked('tag', 'A name, or `name=value`; given several times, a job has all of them.', text),
      asked('since', 'Submitted at or after a time such as `2026-01-31T12:00:00Z`, or so long ago: `5m`.', text),
      limit(200, 50, 'Jobs of the answer at most.'),
      asked('cursor', '`next_cursor` of an earlier answer.', text),
    ],
    answers: [told(200, 'The jobs.', jobList)],
    failures: ['bad_request', 'queue_unavailable', 'internal'],
    traced: true,
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    id: 'watchJob',
    tag: TAG,
    summary: 'The states of a job, as they come',
    description:
      'Server-sent events until the job has ended: `queued`, `running`, and `succeeded`, `failed`, `cancelled` or `expired`. `data` is JSON: `id`, `status`, `at`, `deliveries`, and where they are known `worker` and `error`. `gone` says that the job was taken out of the queue. A stream begins with the states that the job has been in; with `Last-Event-ID` with those after it.',
    parameters: [
      jobId,
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'Id of the last event that was seen, at whichever gateway.',
        schema: z.string(),
      },
    ],
    answers: [
      { status: 200, description: 'The stream.', content: [streamed(JOB_EVENTS)] },
      { status: 204, description: 'Its end was the last event that was seen.' },
    ],
    failures: [...LOOKING, 'overloaded'],
    traced: true,
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}',
    id: 'getJob',
    tag: TAG,
    summary: 'Look at a job, or wait for its end',
    parameters: [jobId, wait, ifNoneMatch],
    answers: [
      told(200, 'As it is now.', job, ['ETag']),
      { status: 304, description: 'It is as it was.', headers: ['ETag'] },
    ],
    failures: ['bad_request', ...LOOKING],
    traced: true,
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/result',
    id: 'getJobResult',
    tag: TAG,
    summary: 'The result of a job, or wait for it',
    description:
      'In JSON, or binary with `Accept: application/octet-stream`; FP16 is always binary. A job that did not succeed answers with its failure.',
    parameters: [jobId, wait, acceptEncoding],
    answers: [OUTPUTS, told(202, 'It has not ended.', jobPending, ['Retry-After'])],
    failures: [
      'bad_request',
      ...LOOKING,
      'model_not_found',
      'cancelled',
      'expired',
      'removed',
      'model_error',
      'model_changed',
      'no_input',
      'poison',
      'worker_error',
    ],
    traced: true,
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/webhook',
    id: 'getJobWebhook',
    tag: TAG,
    summary: 'What became of the webhook of a job',
    description: 'Kept while it is delivered, for two days at most, and an hour after.',
    parameters: [jobId],
    answers: [told(200, 'Each end of the job, and the attempts to tell it.', jobWebhook)],
    failures: ['not_found', 'queue_unavailable', 'internal'],
    traced: true,
  },
  { ...CANCEL, path: '/v1/jobs/{id}', id: 'cancelJob', tag: TAG, summary: 'Cancel a job' },
  { ...RETRY, path: '/v1/jobs/{id}/retry', id: 'retryJob', tag: TAG, summary: 'Try a job again' },
];
