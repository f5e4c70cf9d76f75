/** Failures of one kind: `code: sentence`, with N for the numbers, which differ from job to job. */
import type { FailureCode } from '@batchyard/shared/contract/failure';

export const failureGroup = ({ code, message }: { readonly code: FailureCode; readonly message: string }): string =>
  `${code}: ${message.replace(/\d+(?:\.\d+)?/g, 'N').slice(0, 200)}`;
