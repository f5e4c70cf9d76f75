/** What to do about a failed job, in a sentence; docs/failures.md says more. */
import type { FailureCode } from '@batchyard/shared/contract/failure';

const HINTS: Partial<Record<FailureCode, string>> = {
  expired: 'It waited past its deadline. Allow more time, use a more urgent class, or add workers.',
  cancelled: 'Somebody cancelled it, or its client hung up. Submit it again if the result is wanted after all.',
  removed: 'An operator drained the queue. Retry it if it was not meant to go.',
  model_error:
    'The model failed on this input alone: an index out of range or a shape it cannot take is the usual cause.',
  model_changed: 'The model was replaced while the job waited. Compare the input with the new metadata.',
  no_input: 'It carries nothing that can be read as an inference request. Add jobs through the HTTP interface.',
  poison: 'Three workers died while they ran it. Change the model or the runtime before it is tried again.',
  worker_error: "The worker failed for a reason of its own. Retry it, and look at that worker's log and memory.",
  internal: 'A defect in Batchyard. Report it with the log lines of that time.',
};

export const hintFor = (code: FailureCode): string =>
  HINTS[code] ?? 'Look the code up in docs/failures.md: it says the cause and the remedy.';
