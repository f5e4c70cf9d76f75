/** POST /v1/jobs/{id}/retry: a durable job that failed runs once more from the input it kept. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { JobView, RetryOutcome } from '@batchyard/queue/operations';
import { Failure } from '@batchyard/shared/contract/failure';
import { DEFAULT_TIMEOUT_MS } from '@batchyard/shared/contract/job';
import { modelOfQueue } from '@batchyard/shared/contract/model';
import { decodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { storedInputFits } from '../protocol/stored-input.ts';
import type { ModelLookup } from './infer-route.ts';
import { timeoutHeader } from './request-options.ts';
import { linksOf } from './job-links.ts';
import { sendJson } from './respond.ts';

export type RetryDesk = {
  input(queue: string, id: string): Promise<Buffer | undefined>;
  /** @param signature of the model that the input fits now; '' leaves the job's own */
  retry(queue: string, id: string, again: { timeoutMs: number; signature: string }): Promise<RetryOutcome>;
};

type Parts = { readonly desk: RetryDesk; readonly models: ModelLookup };
type Found = { readonly queue: string; readonly view: JobView };

const gone = (): Failure => new Failure('gone', "the job's input is no longer kept");

export function createRetry({ desk, models }: Parts) {
  /** The model may have been replaced since: that is often why a job is tried again. */
  async function signatureFor({ queue, view }: Found): Promise<string> {
    const { model, version } = modelOfQueue(queue);
    const known = models.model(model, version)?.model;
    const input = await desk.input(queue, view.id);
    if (known === undefined || input === undefined) return '';
    if (!storedInputFits(known, decodeTensorBlob(input)))
      throw new Failure('conflict', "the model was replaced by one that the job's input does not fit");
    return known.signature;
  }

  async function again(found: Found, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<RetryOutcome> {
    const { queue, view } = found;
    const signature = view.failure === undefined ? '' : await signatureFor(found);
    return desk.retry(queue, view.id, { timeoutMs, signature });
  }

  async function retry(request: IncomingMessage, response: ServerResponse, found: Found): Promise<void> {
    const { view } = found;
    const outcome = await again(found, timeoutHeader(request.headers));
    switch (outcome) {
      case 'conflict':
        throw new Failure(
          'conflict',
          `only a job that failed or expired can be tried again; this one is ${view.status}`,
        );
      case 'gone':
      case 'unknown':
        throw gone();
      case 'full':
        throw new Failure('queue_full', 'Exceeds maximum queue size', { retryAfterS: 1 });
      case 'retried': {
        const self = `/v1/jobs/${view.id}`;
        sendJson(
          response,
          202,
          { id: view.id, status: 'queued', links: linksOf(view.id) },
          { location: self, 'retry-after': '1' },
        );
      }
    }
  }

  return { again, retry };
}
