/**
 * How each failure is told over gRPC. The status follows from the failure's HTTP status, so that both protocols agree on
 * what can be tried again; docs/failures.md shows the table. https://grpc.io/docs/guides/status-codes/
 */
import { FAILURES, type FailureCode } from './failure.ts';

/** By name; the library has the numbers. */
export type GrpcStatus =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'UNAUTHENTICATED';

const BY_HTTP_STATUS: Readonly<Record<number, GrpcStatus>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  408: 'DEADLINE_EXCEEDED',
  409: 'FAILED_PRECONDITION',
  410: 'NOT_FOUND',
  413: 'RESOURCE_EXHAUSTED',
  415: 'UNIMPLEMENTED',
  417: 'INVALID_ARGUMENT',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  431: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** @returns UNKNOWN only for a status that the table lacks */
export function grpcStatusOf(code: FailureCode): GrpcStatus {
  if (code === 'cancelled') return 'CANCELLED';
  return BY_HTTP_STATUS[FAILURES[code].status] ?? 'UNKNOWN';
}
