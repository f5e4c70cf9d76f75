/**
 * An add whose answer was lost may have been stored. It is told again, as a known id is not stored twice; only when that
 * does not help within a second nobody knows what became of the job, and the caller is told so.
 */
import type { AddOutcome, NewJob } from '@batchyard/queue/operations';

export type AddSurely = (queue: string, job: NewJob, settled: () => boolean) => Promise<AddOutcome>;

type Parts = {
  readonly add: (queue: string, job: NewJob) => Promise<AddOutcome>;
  readonly pause: (ms: number) => Promise<void>;
  readonly now: () => number;
};

/** Pauses before it is told again. */
const AGAIN_MS = [50, 100, 200, 400];
const LIMIT_MS = 950;

/** `settled`: the job has been answered, so it was there, or its caller has gone: then it is not told again. */
export function createAddSurely({ add, pause, now }: Parts): AddSurely {
  const once = (queue: string, job: NewJob): Promise<AddOutcome> => add(queue, job).catch((): AddOutcome => 'unknown');
  return async (queue, job, settled) => {
    const limit = now() + LIMIT_MS;
    const first = await once(queue, job);
    if (first !== 'unknown') return first;
    for (const ms of AGAIN_MS) {
      await pause(ms);
      if (settled()) return 'exists';
      if (now() >= limit) break;
      const late = pause(limit - now()).then((): AddOutcome => 'unknown');
      const outcome = await Promise.race([once(queue, job), late]);
      // Refused or stale says nothing of the first time.
      if (outcome !== 'unknown' && outcome !== 'refused' && outcome !== 'stale') return outcome;
    }
    return 'unknown';
  };
}
