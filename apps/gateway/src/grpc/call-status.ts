/** How a call ends that failed: the status of its failure, and in the trailers its code and when to come back. */
import { Metadata, status as statuses, type ServiceError, type StatusObject } from '@grpc/grpc-js';

import { FAILURES, Failure } from '@batchyard/shared/contract/failure';
import { grpcStatusOf } from '@batchyard/shared/contract/grpc-status';

/** Trailers are bounded by most clients at 8 KiB. */
const LONGEST_TEXT = 1_024;

export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('internal', FAILURES.internal.title);
}

/** The library percent-encodes it, which half of a surrogate pair would make it throw at. */
const safeText = (text: string): string => Buffer.from(text.slice(0, LONGEST_TEXT)).toString();

/** @param requestId told where an operator may have to look for the call in the log */
export function statusOf(error: unknown, requestId?: string): StatusObject {
  const failure = asFailure(error);
  const metadata = new Metadata();
  metadata.set('batchyard-code', failure.code);
  if (requestId !== undefined) metadata.set('x-request-id', requestId);
  if (failure.retryAfterS !== undefined || failure.kind.status === 503) {
    // With jitter, so that those refused together do not come back together.
    const ms = 1_000 * Math.max(1, failure.retryAfterS ?? 1) * (1 + Math.random() / 2);
    metadata.set('grpc-retry-pushback-ms', String(Math.ceil(ms)));
  }
  return { code: statuses[grpcStatusOf(failure.code)], details: safeText(failure.message), metadata };
}

/** The same as an error, which is how a handler hands it to the library. */
export const errorOf = (status: StatusObject): ServiceError =>
  Object.assign(new Error(status.details), { name: 'CallFailed', ...status });
