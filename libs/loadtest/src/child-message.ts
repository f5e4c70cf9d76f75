/** What the process of a load test is told by the gateway that started it, and tells. */
import type { LoadAsk, LoadRun } from '@batchyard/shared/contract/load-test';

export type ToLoadChild =
  | { readonly kind: 'run'; readonly url: string; readonly ask: LoadAsk }
  | { readonly kind: 'stop' };

/** What of a run it knows. */
export type LoadNews = Pick<LoadRun, 'state' | 'error' | 'steps' | 'knee' | 'notes' | 'now'>;
