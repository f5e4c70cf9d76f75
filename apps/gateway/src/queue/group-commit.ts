/**
 * Jobs that arrive in the same turn of the event loop go to Redis together, in one call per queue. Under load a call
 * carries many; an idle gateway sends a lone job at once.
 */
import type { AddOutcome, NewJob } from '@batchyard/queue/operations';

type Pending = { readonly job: NewJob; resolve(outcome: AddOutcome): void; reject(error: unknown): void };
type AddMany = (queue: string, jobs: readonly NewJob[]) => Promise<AddOutcome[]>;

export type GroupCommit = (queue: string, job: NewJob) => Promise<AddOutcome>;

/** @param later runs its argument at the end of this turn (setImmediate) */
export function createGroupCommit(addMany: AddMany, later: (flush: () => void) => void): GroupCommit {
  let groups = new Map<string, Pending[]>();

  function flush(): void {
    const ready = groups;
    groups = new Map();
    for (const [queue, group] of ready) {
      addMany(
        queue,
        group.map((pending) => pending.job),
      ).then(
        (outcomes) => group.forEach((pending, i) => pending.resolve(outcomes[i] ?? 'stale')),
        (error: unknown) => group.forEach((pending) => pending.reject(error)),
      );
    }
  }

  return (queue, job) =>
    new Promise((resolve, reject) => {
      if (groups.size === 0) later(flush);
      const group = groups.get(queue);
      const pending = { job, resolve, reject };
      if (group) group.push(pending);
      else groups.set(queue, [pending]);
    });
}
