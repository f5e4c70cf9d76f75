/** What a webhook says: how a job ended, in the form of Standard Webhooks. */
import type { DueHook } from '@batchyard/queue/hooks';
import { parseFailedReason } from '@batchyard/shared/contract/failure';
import { modelOfQueue } from '@batchyard/shared/contract/model';
import { hookStatus } from '@batchyard/shared/contract/webhook';

export function hookEvent({
  id,
  record,
  delivery,
}: Pick<DueHook, 'id' | 'record' | 'delivery'>): Record<string, unknown> {
  const { model, version } = modelOfQueue(record.queue);
  const failure = delivery.outcome === 'f' ? parseFailedReason(delivery.text) : undefined;
  const status = hookStatus(delivery);
  return {
    type: `job.${status}`,
    timestamp: new Date(delivery.atMs).toISOString(),
    data: {
      id,
      status,
      model_name: model,
      model_version: version,
      submitted_at: new Date(record.submittedMs).toISOString(),
      finished_at: new Date(delivery.atMs).toISOString(),
      error: failure,
      batch: failure || delivery.text === '' ? undefined : (JSON.parse(delivery.text) as unknown),
      links: { self: `/v1/jobs/${id}`, result: `/v1/jobs/${id}/result` },
    },
  };
}
