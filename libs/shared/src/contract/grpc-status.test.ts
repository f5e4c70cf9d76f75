import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAILURES, type FailureCode } from './failure.ts';
import { grpcStatusOf, type GrpcStatus } from './grpc-status.ts';

const CODES = Object.keys(FAILURES) as FailureCode[];

test('every failure has a gRPC status of its own kind', () => {
  for (const code of CODES) assert.notEqual(grpcStatusOf(code), 'UNKNOWN', code);
});

test('the statuses that clients act on', () => {
  const expected: Partial<Record<FailureCode, GrpcStatus>> = {
    bad_request: 'INVALID_ARGUMENT',
    invalid_input: 'INVALID_ARGUMENT',
    model_not_found: 'NOT_FOUND',
    queue_full: 'UNAVAILABLE',
    overloaded: 'UNAVAILABLE',
    draining: 'UNAVAILABLE',
    expired: 'DEADLINE_EXCEEDED',
    cancelled: 'CANCELLED',
    too_large: 'RESOURCE_EXHAUSTED',
    unauthorized: 'UNAUTHENTICATED',
    forbidden: 'PERMISSION_DENIED',
    model_error: 'INTERNAL',
  };
  for (const [code, name] of Object.entries(expected)) assert.equal(grpcStatusOf(code as FailureCode), name, code);
});

test('what gRPC clients try again by themselves can be tried again', () => {
  for (const code of CODES)
    if (grpcStatusOf(code) === 'UNAVAILABLE') assert.equal(FAILURES[code].retryable, true, code);
});
