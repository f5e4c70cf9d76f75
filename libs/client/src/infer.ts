/** One request, answered at once. */
import { call, type CallOptions } from './call.ts';
import type { Server } from './connect.ts';
import { encodeRequest, modelPath, priorityHeader, type InferRequest } from './request.ts';
import { readResult, type InferResult } from './response.ts';

/**
 * A model has no memory, so a request whose answer was lost is asked again. The server is told how long the caller waits.
 * @throws BatchyardFailure
 */
export function infer(server: Server, request: InferRequest, options: CallOptions = {}): Promise<InferResult> {
  const { body, headers } = encodeRequest(request);
  return call(
    server,
    {
      ...options,
      method: 'POST',
      path: `/v2/${modelPath(request)}/infer`,
      body,
      headers: { ...headers, ...priorityHeader(request) },
      tellDeadline: true,
    },
    readResult,
  );
}
