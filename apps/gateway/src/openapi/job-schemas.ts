/** What the routes of durable jobs answer. */
import { JOB_ID, JOB_STATUSES } from '@batchyard/shared/contract/job';
import { HOOK_STATES } from '@batchyard/shared/contract/webhook';
import { z } from 'zod';

import { amount, count, failureCode, moment, priorityClass } from './fields.ts';
import { EXAMPLE_ID } from './parameters.ts';

export const jobStatus = z.enum(JOB_STATUSES);
const jobIdText = z.string().regex(JOB_ID);

export const jobFailure = z.object({ code: failureCode, message: z.string() });

export const receipt = z
  .object({
    rows: count,
    batch_rows: count.describe('Rows that ran together with those of the job.'),
    batch: z.string(),
    worker: z.string(),
    reason: z.string().describe('Why the batch ran when it did.'),
    run_ms: amount,
    queue_ms: amount.describe('From its entry into its class until its batch ran.'),
    predicted_ms: amount.describe('How long the run was predicted to take.'),
    signature: z.string().optional().describe('The beginning of the signature of the model file that computed it.'),
  })
  .meta({ description: 'What became of the batch that a job ran in.' });

const links = z.object({ self: z.string(), result: z.string(), events: z.string(), cancel: z.string() });
const LINKS = {
  self: `/v1/jobs/${EXAMPLE_ID}`,
  result: `/v1/jobs/${EXAMPLE_ID}/result`,
  events: `/v1/jobs/${EXAMPLE_ID}/events`,
  cancel: `/v1/jobs/${EXAMPLE_ID}`,
};

export const jobAccepted = z
  .object({
    id: jobIdText,
    status: z.literal('queued'),
    model_name: z.string(),
    model_version: z.string(),
    priority: priorityClass,
    submitted_at: moment,
    deadline: moment,
    durable: z.boolean().describe('Whether it outlives a restart of Redis.'),
    links,
  })
  .meta({
    description: 'A job that is stored.',
    examples: [
      {
        id: EXAMPLE_ID,
        status: 'queued',
        model_name: 'simple',
        model_version: '1',
        priority: 'normal',
        submitted_at: '2026-01-31T12:00:00.000Z',
        deadline: '2026-01-31T12:00:30.000Z',
        durable: true,
        links: LINKS,
      },
    ],
  });

export const job = z
  .object({
    id: jobIdText,
    status: jobStatus,
    model_name: z.string(),
    model_version: z.string(),
    priority: priorityClass,
    rows: count,
    tags: z.record(z.string(), z.string()).optional().describe('As `Batchyard-Tags` gave them.'),
    position: count.optional().describe('Jobs ahead of it, while it waits.'),
    attempts: count,
    deliveries: count.describe('How often a worker was given it.'),
    submitted_at: moment,
    deadline: moment.optional(),
    timeline: z
      .object({ queued: z.literal(0), started: amount.optional(), finished: amount.optional() })
      .describe('Milliseconds since it was submitted.'),
    worker: z.string().optional(),
    batch: receipt.optional(),
    error: jobFailure.optional(),
  })
  .meta({
    description: 'A job as it is now.',
    examples: [
      {
        id: EXAMPLE_ID,
        status: 'succeeded',
        model_name: 'simple',
        model_version: '1',
        priority: 'normal',
        rows: 1,
        attempts: 1,
        deliveries: 1,
        submitted_at: '2026-01-31T12:00:00.000Z',
        deadline: '2026-01-31T12:00:30.000Z',
        timeline: { queued: 0, started: 2, finished: 4 },
        worker: 'host-1a2b3c',
        batch: {
          rows: 1,
          batch_rows: 8,
          batch: 'host-1a2b3c:5d6e-17',
          worker: 'host-1a2b3c',
          reason: 'idle',
          run_ms: 0.8,
          queue_ms: 1.9,
          predicted_ms: 0.9,
        },
      },
    ],
  });

export const jobList = z
  .object({
    jobs: z.array(job),
    next_cursor: z.string().nullable().describe('Where the next page begins; null at the end.'),
  })
  .meta({ description: 'Jobs, the latest first.' });

export const jobWebhook = z
  .object({
    id: jobIdText,
    url: z.string(),
    deliveries: z.array(
      z.object({
        id: z.string().describe('`webhook-id`, the same at every attempt.'),
        type: z.string(),
        state: z.enum(HOOK_STATES).describe('`stopped`: the receiver answered 410. `failed`: it was tried for a day.'),
        attempts: z.array(
          z.object({
            at: moment,
            status: z.int().nullable().describe('Of its answer; null where there was none.'),
            error: z.string().nullable(),
            took_ms: amount,
          }),
        ),
        next_attempt_at: moment.nullable(),
      }),
    ),
  })
  .meta({ description: 'The webhook of a job.' });

export const jobPending = z
  .object({ id: jobIdText, status: z.enum(['queued', 'running']) })
  .meta({ description: 'A job that has not ended.', examples: [{ id: EXAMPLE_ID, status: 'running' }] });

const jobState = z
  .object({
    id: jobIdText,
    status: jobStatus,
    at: moment,
    deliveries: count.describe('How often a worker has taken it so far.'),
    worker: z.string().optional(),
    error: jobFailure.optional(),
  })
  .meta({
    description: 'A state that a job has come to.',
    examples: [
      {
        id: EXAMPLE_ID,
        status: 'succeeded',
        at: '2026-01-31T12:00:00.021Z',
        deliveries: 1,
        worker: 'host-1a2b3c',
      },
    ],
  });
/** By the names of the events. */
export const JOB_EVENTS = {
  ...Object.fromEntries(JOB_STATUSES.map((status) => [status, jobState])),
  gone: z.object({ id: jobIdText }),
};

export const jobCancelled = z
  .object({ id: jobIdText, status: z.enum(['cancelled', 'running']), cancel_requested: z.literal(true) })
  .meta({ examples: [{ id: EXAMPLE_ID, status: 'cancelled', cancel_requested: true }] });

export const jobRetried = z
  .object({ id: jobIdText, status: z.literal('queued'), links })
  .meta({ examples: [{ id: EXAMPLE_ID, status: 'queued', links: LINKS }] });

export const jobSchemas = {
  JobAccepted: jobAccepted,
  JobCancelled: jobCancelled,
  JobRetried: jobRetried,
  JobFailure: jobFailure,
  Receipt: receipt,
};
export const publicJobSchemas = {
  ...jobSchemas,
  Job: job,
  JobList: jobList,
  JobWebhook: jobWebhook,
  JobPending: jobPending,
  JobState: jobState,
};
