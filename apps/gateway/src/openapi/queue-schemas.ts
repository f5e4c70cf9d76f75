/** What the operations listener tells of queues and of the jobs in them. */
import { DATATYPES } from '@batchyard/shared/contract/tensor';
import { z } from 'zod';

import { amount, byClass, count, failureCode, moment, priorityClass } from './fields.ts';
import { jobFailure, jobStatus, receipt } from './job-schemas.ts';

export const LISTED = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;

/** One each, so that they have a name. */
const countByClass = byClass(count);
const amountByClass = byClass(amount);

const slaCounts = z
  .object({
    met: count,
    at_risk: count.describe('Over 80 % of it, but within it.'),
    violated: count,
  })
  .meta({ description: 'Jobs taken since the queue exists, by how their wait compared with the SLA of their class.' });

export const queueLine = z
  .object({
    queue: z.string().describe('`model@version`'),
    model: z.string(),
    version: z.string(),
    depth: count.describe('Jobs that wait, also while it is paused.'),
    by_class: countByClass,
    active: count,
    delayed: count,
    completed: count,
    failed: count,
    expired: count.describe('Since the queue exists.'),
    paused: z.boolean(),
    oldest_age_ms: count,
    oldest_age_ms_by_class: amountByClass,
    at_risk: count,
    sla_violations: count,
    sla: byClass(slaCounts),
    predicted_wait_ms: amountByClass,
    arrival_rows_per_s: amountByClass,
    service_rows_per_s: amount.describe('All workers together at their best.'),
  })
  .meta({
    description:
      'A queue: what waits, what runs, and how it will go on. The predicted wait is that of a job that comes now; arrivals are those through this gateway.',
  });

export const queueList = z.object({ queues: z.array(queueLine) });
export const queuePaused = z
  .object({ queue: z.string(), paused: z.boolean() })
  .meta({ examples: [{ queue: 'simple@1', paused: true }] });
export const queueDrained = z
  .object({ queue: z.string(), drained: count, more: z.boolean().describe('There may be more than `limit`.') })
  .meta({ examples: [{ queue: 'simple@1', drained: 12, more: false }] });
export const queueCleaned = z
  .object({ queue: z.string(), state: z.enum(['completed', 'failed']), cleaned: count, more: z.boolean() })
  .meta({ examples: [{ queue: 'simple@1', state: 'completed', cleaned: 640, more: false }] });
export const queueRetried = z
  .object({
    queue: z.string(),
    retried: count,
    left: count.describe('Jobs that could not be.'),
    full: z.boolean().describe('The queue is full.'),
  })
  .meta({ examples: [{ queue: 'simple@1', retried: 3, left: 0, full: false }] });

const jobLine = z
  .object({
    id: z.string(),
    queue: z.string(),
    model: z.string(),
    status: jobStatus,
    kind: z
      .enum(['attached', 'durable'])
      .describe('Attached: a caller waits for it, and it is gone once it has ended.'),
    priority: priorityClass,
    rows: count,
    submitted_at: moment,
    total_ms: amount.nullable().describe('From its submit to its end.'),
    worker: z.string().nullable(),
    attempts: count,
    deliveries: count,
    error: jobFailure.nullable(),
  })
  .meta({ description: 'A job in a list.' });

export const jobPage = z.object({
  queue: z.string(),
  state: z.enum(LISTED),
  jobs: z.array(jobLine),
  next_cursor: z.string().nullable().describe('Of the next page; null at the end.'),
});

const tensorSummary = z
  .object({
    name: z.string(),
    datatype: z.enum(DATATYPES),
    shape: z.array(count),
    bytes: count,
    elements: count,
    min: z.number().nullable(),
    max: z.number().nullable(),
    mean: z.number().nullable(),
    not_finite: count.describe('NaN and infinities.'),
    sampled: z.boolean().describe('Only the first elements were looked at.'),
  })
  .meta({ description: 'A tensor in a few figures; its values are never shown.' });

export const jobDetail = jobLine
  .extend({
    deaths: count.describe('Workers that ended while they ran it.'),
    position: count.nullable(),
    timeline: z
      .object({
        submitted: z.literal(0),
        queued: amount.nullable(),
        started: amount.nullable(),
        ran_from: amount.nullable(),
        finished: amount.nullable(),
        deadline: amount.nullable(),
      })
      .describe('Milliseconds since it was submitted.'),
    batch: receipt.nullable(),
    batch_mates: z.array(jobLine),
    hint: z.string().nullable().describe('What to do about its failure.'),
    inputs: z.array(tensorSummary).nullable(),
    outputs: z.array(tensorSummary).nullable(),
    can_retry: z.boolean(),
  })
  .meta({ description: 'All that is known of a job.' });

const failureGroup = z.object({
  queue: z.string(),
  model: z.string(),
  code: failureCode,
  error: z.string().describe('`code: sentence`, with N for its numbers.'),
  count,
  last_at: moment,
  example: z.string().describe('Id of one of the jobs.'),
  hint: z.string(),
});
export const failureList = z.object({
  groups: z.array(failureGroup),
  partial: z.boolean().describe('A queue holds more failed jobs than were looked at.'),
});

export const queueSchemas = {
  CountByClass: countByClass,
  AmountByClass: amountByClass,
  SlaCounts: slaCounts,
  QueueLine: queueLine,
  QueueList: queueList,
  QueuePaused: queuePaused,
  QueueDrained: queueDrained,
  QueueCleaned: queueCleaned,
  QueueRetried: queueRetried,
  JobLine: jobLine,
  JobPage: jobPage,
  JobDetail: jobDetail,
  TensorSummary: tensorSummary,
  FailureGroup: failureGroup,
  FailureList: failureList,
};
