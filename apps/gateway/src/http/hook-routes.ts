/** Batchyard-Webhook of a submit, and GET /v1/jobs/{id}/webhook: what became of telling how the job ended. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { HookLog } from '@batchyard/queue/hooks';
import { Failure } from '@batchyard/shared/contract/failure';
import { hookMessageId, hookStatus } from '@batchyard/shared/contract/webhook';

import { callerOf } from './caller.ts';
import { sendJson } from './respond.ts';

export type HookDesk = {
  /** The URL as it is kept, or why it is none that a webhook may be sent to. */
  hookTarget(url: string): { readonly url: string } | { readonly refusal: string };
  /** As many wait to be told as may. */
  hooksFull(): boolean;
  hookLog(id: string): Promise<HookLog | undefined>;
};

/** @throws Failure bad_request, overloaded */
export function webhookHeader(
  request: IncomingMessage,
  desk: Pick<HookDesk, 'hookTarget' | 'hooksFull'>,
): string | undefined {
  const given = request.headers['batchyard-webhook'];
  if (given === undefined) return undefined;
  const target = desk.hookTarget(String(given));
  if ('refusal' in target) throw new Failure('bad_request', `Batchyard-Webhook cannot be used: ${target.refusal}`);
  if (desk.hooksFull())
    throw new Failure('overloaded', 'as many webhooks wait to be delivered as may', { retryAfterS: 10 });
  return target.url;
}

const moment = (ms: number): string => new Date(ms).toISOString();

function describe(id: string, { record, deliveries }: HookLog): Record<string, unknown> {
  return {
    id,
    url: record.url,
    deliveries: deliveries.map(({ number, delivery }) => ({
      id: hookMessageId(id, number),
      type: `job.${hookStatus(delivery)}`,
      state: delivery.state ?? 'pending',
      attempts: delivery.attempts.map(({ atMs, status, error, tookMs }) => ({
        at: moment(atMs),
        status: status ?? null,
        error: error ?? null,
        took_ms: tookMs,
      })),
      next_attempt_at: delivery.nextMs === undefined ? null : moment(delivery.nextMs),
    })),
  };
}

export function createHookRoute({ hookLog }: Pick<HookDesk, 'hookLog'>) {
  return async function webhook(request: IncomingMessage, response: ServerResponse, id: string): Promise<void> {
    const log = id === '' ? undefined : await hookLog(id);
    if (log?.record.tenant !== callerOf(request).tenant)
      throw new Failure('not_found', 'there is no such job, or it has no webhook, or its log is no longer kept');
    sendJson(response, 200, describe(id, log));
  };
}
