/** Failures as answers: a status with the codes that it may have, as a problem document or in Triton's form. */
import { FAILURES, type FailureCode } from '@batchyard/shared/contract/failure';
import { z } from 'zod';

import { failureCode } from './fields.ts';
import { type Answer, type HeaderName, JSON_TYPE, type Operation } from './operation.ts';

const problem = z
  .object({
    type: z.string().describe('`urn:batchyard:failure:` and the code.'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().describe('What is wrong, in a sentence.'),
    instance: z.string().describe('Path of the request.'),
    code: failureCode,
    retryable: z.boolean().describe('Whether the same request can succeed later.'),
    errors: z.array(z.object({ pointer: z.string().describe('JSON pointer into the body.') })).optional(),
  })
  .meta({
    description: 'A problem document (RFC 9457).',
    examples: [
      {
        type: 'urn:batchyard:failure:not_found',
        title: FAILURES.not_found.title,
        status: 404,
        detail: 'there is no such job',
        instance: '/v1/jobs/nothing',
        code: 'not_found',
        retryable: false,
      },
    ],
  });

const tritonError = z.object({ error: z.string().describe('What is wrong, in a sentence.') }).meta({
  description: "An error as Triton's clients read it.",
  examples: [{ error: "Request for unknown model: 'nobody' is not found" }],
});

export const failureSchemas = { Problem: problem, FailureCode: failureCode };
export const tritonSchemas = { TritonError: tritonError };

/** The synchronous way tells a passed deadline as Triton does. */
const statusOf = (code: FailureCode, triton: boolean): number =>
  triton && code === 'expired' ? FAILURES.overloaded.status : FAILURES[code].status;

function headersOf(status: number, traced: boolean): HeaderName[] {
  const headers: HeaderName[] = [];
  if (status === FAILURES.unauthorized.status) headers.push('WWW-Authenticate');
  if (status === FAILURES.overloaded.status || status === FAILURES.rate_limited.status) headers.push('Retry-After');
  if (status === FAILURES.rate_limited.status) headers.push('RateLimit', 'RateLimit-Policy');
  if (traced && status >= FAILURES.internal.status) headers.push('X-Request-Id');
  return headers;
}

export function failureAnswers({
  failures = [],
  errors = 'problem',
  traced = false,
}: Pick<Operation, 'failures' | 'errors' | 'traced'>): Answer[] {
  const triton = errors === 'triton';
  const content = triton
    ? { type: JSON_TYPE, schema: tritonError }
    : { type: 'application/problem+json', schema: problem };
  const statuses = [...new Set(failures.map((code) => statusOf(code, triton)))].toSorted((a, b) => a - b);
  return statuses.map((status) => ({
    status,
    description: failures
      .filter((code) => statusOf(code, triton) === status)
      .map((code) => `\`${code}\`: ${FAILURES[code].title}.`)
      .join(' '),
    content: [content],
    headers: headersOf(status, traced),
  }));
}
