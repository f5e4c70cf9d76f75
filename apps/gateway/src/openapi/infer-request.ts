/** How an inference request is sent, and how its outputs come back: the same for requests and for jobs. */
import type { FailureCode } from '@batchyard/shared/contract/failure';

import { inferRequest, inferResponse, SIMPLE_REQUEST } from './inference-schemas.ts';
import { jobAccepted } from './job-schemas.ts';
import { type Answer, BYTES_TYPE, type Body, JSON_TYPE, told } from './operation.ts';
import { contentEncoding, headerLength, priority, timeout } from './parameters.ts';

export const REQUEST_PARAMETERS = [priority, timeout, headerLength, contentEncoding];

export const REQUEST_BODY: Body = {
  required: true,
  description:
    'In JSON; or, with `Inference-Header-Content-Length`, that many bytes of JSON and behind them the raw tensors: little-endian, row-major, in the order of the inputs that have a `binary_data_size`. The `Content-Type` is not looked at.',
  content: [{ type: JSON_TYPE, schema: inferRequest, example: SIMPLE_REQUEST }, { type: BYTES_TYPE }],
};

/** Why a body, or what it asks of its model, is refused. */
export const REQUEST_FAILURES: readonly FailureCode[] = [
  'bad_request',
  'invalid_input',
  'not_found',
  'model_not_found',
  'request_timeout',
  'too_large',
  'unsupported_encoding',
];
/** Why it does not get into the queue. */
export const ADMISSION_FAILURES: readonly FailureCode[] = [
  'queue_full',
  'overloaded',
  'draining',
  'queue_unavailable',
  'outcome_unknown',
];

export const ACCEPTED: Answer = told(202, 'The job is stored.', jobAccepted, [
  'Location',
  'Retry-After',
  'Idempotency-Replayed',
  'Preference-Applied',
]);

export const OUTPUTS: Answer = {
  status: 200,
  description:
    'The outputs: all in JSON; or, where any of them is binary, `Inference-Header-Content-Length` bytes of JSON and behind them the raw tensors in the order of the outputs that have a `binary_data_size`.',
  content: [{ type: JSON_TYPE, schema: inferResponse }, { type: BYTES_TYPE }],
  headers: ['Inference-Header-Content-Length', 'Content-Encoding'],
};
