/** Operations routes of queues and of the jobs in them. */
import { z } from 'zod';

import { CANCEL, RETRY } from './job-operations.ts';
import { type Operation, told } from './operation.ts';
import { duration, jobId, limit, queue, text } from './parameters.ts';
import {
  failureList,
  jobDetail,
  jobPage,
  LISTED,
  queueCleaned,
  queueDrained,
  queueLine,
  queueList,
  queuePaused,
  queueRetried,
} from './queue-schemas.ts';

const TAG = 'Queues';
const JOBS = 'Jobs';
const REDIS = ['queue_unavailable', 'internal'] as const;
const FOUND = ['model_not_found', ...REDIS] as const;
const ASKED = ['bad_request', ...FOUND] as const;

const error = {
  name: 'error',
  in: 'query',
  description: 'Only those whose `code: sentence` contains this text.',
  schema: text,
} as const;

export const QUEUE_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/queues',
    id: 'listQueues',
    tag: TAG,
    summary: 'All queues',
    answers: [told(200, 'Their figures.', queueList)],
    failures: REDIS,
  },
  {
    method: 'get',
    path: '/v1/queues/{queue}',
    id: 'getQueue',
    tag: TAG,
    summary: 'A queue',
    parameters: [queue],
    answers: [told(200, 'Its figures.', queueLine)],
    failures: FOUND,
  },
  {
    method: 'post',
    path: '/v1/queues/{queue}/pause',
    id: 'pauseQueue',
    tag: TAG,
    summary: 'Pause a queue',
    description: 'Workers take nothing from it; what runs ends. Requests are still let in.',
    parameters: [queue],
    answers: [told(200, 'It is paused.', queuePaused)],
    failures: FOUND,
  },
  {
    method: 'post',
    path: '/v1/queues/{queue}/resume',
    id: 'resumeQueue',
    tag: TAG,
    summary: 'Resume a queue',
    parameters: [queue],
    answers: [told(200, 'It is not paused.', queuePaused)],
    failures: FOUND,
  },
  {
    method: 'post',
    path: '/v1/queues/{queue}/drain',
    id: 'drainQueue',
    tag: TAG,
    summary: 'Take waiting jobs out of a queue',
    description:
      'Delayed ones too. Callers that wait are told at once; submitted jobs fail as `removed` and keep their input.',
    parameters: [queue, limit(10_000, 10_000, 'Jobs at most.')],
    answers: [told(200, 'They are out.', queueDrained)],
    failures: ASKED,
  },
  {
    method: 'post',
    path: '/v1/queues/{queue}/clean',
    id: 'cleanQueue',
    tag: TAG,
    summary: 'Forget jobs that have ended',
    description: 'They answer 410 from then on.',
    parameters: [
      queue,
      {
        name: 'state',
        in: 'query',
        description: 'Which; `completed` without one.',
        schema: z.enum(['completed', 'failed']),
      },
      {
        name: 'older_than',
        in: 'query',
        description: 'Only those that ended so long ago: `500ms`, `60s`, `5m`, `1h`, `7d`, or seconds.',
        schema: duration,
        example: '1h',
      },
      limit(10_000, 10_000, 'Jobs at most.'),
    ],
    answers: [told(200, 'They are forgotten.', queueCleaned)],
    failures: ASKED,
  },
  {
    method: 'post',
    path: '/v1/queues/{queue}/retry-failed',
    id: 'retryFailedJobs',
    tag: TAG,
    summary: 'Try failed jobs again',
    description: 'The latest first, about 1,000 at most.',
    parameters: [
      queue,
      { ...error, description: 'Only those whose `code: sentence`, or the name of whose group, contains this text.' },
    ],
    answers: [told(200, 'How many wait again.', queueRetried)],
    failures: ASKED,
  },
  {
    method: 'get',
    path: '/v1/queues/{queue}/jobs',
    id: 'listJobs',
    tag: JOBS,
    summary: 'Jobs of a queue, page by page',
    description:
      'Waiting and delayed ones in their order, ended ones the latest first. No answer looks at more than about 2,000 jobs; its cursor goes on from there.',
    parameters: [
      queue,
      {
        name: 'state',
        in: 'query',
        description: 'Which; `waiting` without one.',
        schema: z.enum(LISTED),
        example: 'failed',
      },
      limit(200, 50, 'Jobs of the answer at most.'),
      { name: 'cursor', in: 'query', description: '`next_cursor` of the page before.', schema: text },
      { ...error, description: 'Only those whose `code: sentence` contains this text, in upper or lower case.' },
      {
        name: 'since',
        in: 'query',
        description: 'Only those that ended, or came, since: a time (`2026-01-31T12:00:00Z`), or so long ago (`5m`).',
        schema: text,
      },
    ],
    answers: [told(200, 'A page of them.', jobPage)],
    failures: ASKED,
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}',
    id: 'getJob',
    tag: JOBS,
    summary: 'All that is known of a job',
    description: 'Of any kind and model, while it is kept. Tensors are told as shape, datatype, min, max and mean.',
    parameters: [jobId],
    answers: [told(200, 'As it is now.', jobDetail)],
    failures: ['not_found', ...REDIS],
  },
  { ...CANCEL, path: '/v1/jobs/{id}', id: 'cancelJob', tag: JOBS, summary: 'Cancel a job' },
  { ...RETRY, path: '/v1/jobs/{id}/retry', id: 'retryJob', tag: JOBS, summary: 'Try a job again' },
  {
    method: 'get',
    path: '/v1/failures',
    id: 'listFailures',
    tag: JOBS,
    summary: 'Failed jobs by their error',
    description: 'Of the latest 2,000 of each queue.',
    answers: [told(200, 'The most frequent first.', failureList)],
    failures: REDIS,
  },
];
