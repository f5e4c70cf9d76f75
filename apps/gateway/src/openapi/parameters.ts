/** Parameters that several routes have. */
import { JOB_ID, PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import { MODEL_NAME } from '@batchyard/shared/contract/model';
import { z } from 'zod';

import type { Parameter } from './operation.ts';

export const EXAMPLE_ID = 'q4xk7ma-2bqf6zr3ytd5wkhn7cvo';

const modelName = z.string().regex(MODEL_NAME);

export const model: Parameter = {
  name: 'model',
  in: 'path',
  description: 'Name of the model.',
  schema: modelName,
  example: 'simple',
};
export const version: Parameter = {
  name: 'version',
  in: 'path',
  description: 'Version of the model; without one the newest that is ready is meant.',
  schema: modelName,
  example: '1',
};
export const jobId: Parameter = {
  name: 'id',
  in: 'path',
  description: 'Id of the job, as its submit told it.',
  schema: z.string().regex(JOB_ID),
  example: EXAMPLE_ID,
};
export const queue: Parameter = {
  name: 'queue',
  in: 'path',
  description: "A model's name, and then its newest version is meant, or `model@version`.",
  schema: z.string(),
  example: 'simple',
};
export const worker: Parameter = {
  name: 'id',
  in: 'path',
  description: 'Id of the worker, as in the list of workers.',
  schema: z.string(),
  example: 'host-1a2b3c',
};

export const priority: Parameter = {
  name: 'Batchyard-Priority',
  in: 'header',
  description:
    'Class of the request. It wins over the parameter `priority` of the body; without either it is the default of the model, or `normal`.',
  schema: z.enum(PRIORITY_CLASSES),
};
export const timeout: Parameter = {
  name: 'Batchyard-Timeout-Ms',
  in: 'header',
  description:
    'Milliseconds within which it has to run, 30,000 without one, a day at most. It wins over the parameter `timeout` of the body.',
  schema: z.number().gt(0),
};
export const headerLength: Parameter = {
  name: 'Inference-Header-Content-Length',
  in: 'header',
  description:
    'Bytes of JSON at the start of a binary body. `0`: the whole body is the one input of the model. Without it the body is JSON.',
  schema: z.int().min(0),
};
export const contentEncoding: Parameter = {
  name: 'Content-Encoding',
  in: 'header',
  description: 'How the whole body is compressed.',
  schema: z.enum(['gzip', 'deflate', 'identity']),
};
export const acceptEncoding: Parameter = {
  name: 'Accept-Encoding',
  in: 'header',
  description: 'An answer of a kilobyte or more is compressed with `gzip` or `deflate` where one of them is accepted.',
  schema: z.string(),
};
export const idempotencyKey: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Makes it safe to send the request again: within a day the same key with the same body gets the same job, and with another body 422.',
  schema: z.string().min(1).max(255),
};
export const webhook: Parameter = {
  name: 'Batchyard-Webhook',
  in: 'header',
  description:
    'An https URL that is told when the job has ended, by Standard Webhooks: signed, tried again for about a day, on port 443, 80 or 8000 to 9999 of a public address.',
  schema: z.string().max(2_048),
};
export const tags: Parameter = {
  name: 'Batchyard-Tags',
  in: 'header',
  description:
    'Up to 16 of the form `name=value`, separated by commas, to find the job by: letters, digits and `_.-` in names, and also `:/+@` in values.',
  schema: z.string(),
};
export const prefer: Parameter = {
  name: 'Prefer',
  in: 'header',
  description:
    '`wait=10`: so many seconds (60 at most) for the result of the job, which is then the answer. `respond-async`: a job rather than an answer.',
  schema: z.string(),
};
export const requestId: Parameter = {
  name: 'X-Request-Id',
  in: 'header',
  description: 'Handed back and logged: 1 to 128 printable characters without spaces. Anything else is ignored.',
  schema: z.string(),
};
export const wait: Parameter = {
  name: 'wait',
  in: 'query',
  description: 'How long to wait for the end of the job: `30s`, `500ms`, or seconds; a minute at most.',
  schema: z.string().regex(/^([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)(ms|s)?$/),
  example: '30s',
};
export const ifNoneMatch: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  description: 'The `ETag` of an earlier answer: 304 while nothing has changed.',
  schema: z.string(),
};

const DURATION = /^\d{1,9}(ms|s|m|h|d)?$/;
export const duration = z.string().max(512).regex(DURATION);
export const text = z.string().max(512);
/** A number in a query, of 1 to `most`. */
export const limit = (most: number, otherwise: number, description: string): Parameter => ({
  name: 'limit',
  in: 'query',
  description: `${description} ${otherwise.toLocaleString('en')} without one.`,
  schema: z.int().min(1).max(most),
});
