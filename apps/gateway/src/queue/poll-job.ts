/** What a look at the job says to somebody who waits for it. */
import type { JobView } from '@batchyard/queue/operations';
import { failedReason } from '@batchyard/shared/contract/failure';

import type { Polled } from './waiters.ts';

type Source = {
  view(queue: string, id: string): Promise<JobView | undefined>;
  output(queue: string, id: string): Promise<Buffer | undefined>;
};

export async function pollJob(source: Source, queue: string, id: string): Promise<Polled> {
  const view = await source.view(queue, id);
  if (view === undefined) return 'gone';
  if (view.failure)
    return { id, outcome: 'failed', text: failedReason(view.failure.code, view.failure.message), output: undefined };
  if (view.status !== 'succeeded')
    return (await source.output(queue, id)) ? { id, outcome: 'succeeded', text: '', output: undefined } : 'open';
  return { id, outcome: 'succeeded', text: view.receipt ?? '', output: undefined };
}
