/** What the last directive that was heard permits, now. */
import type { TakeRequest } from '@batchyard/queue/operations';
import type { Directive, TakeRule } from '@batchyard/shared/contract/directive';

/** What a take may ask for; `held`: jobs of the queue that this worker has. */
export type Permit = Pick<TakeRequest, 'restMs' | 'restRows' | 'restWhileTakenMs' | 'maxJobs' | 'turn'> & {
  readonly shareOf?: number;
};

export type Follower = {
  /** With each check-in; undefined: there is none, or the last one has expired. */
  hear(directive: Directive | undefined): void;
  /** Undefined: it may take nothing for now. */
  permit(queue: string, nowMs: number): Permit | undefined;
  /** A take brought jobs. */
  took(queue: string, nowMs: number): void;
  /** Whatever comes to this queue until then is not for this worker. */
  leave(queue: string, untilMs: number): void;
  /** Whether work in this queue is left to others for now, so that no marker is to wake this worker. */
  rests(queue: string, nowMs: number): boolean;
  /** As it was told, ms. */
  restMs(queue: string): number;
  /** Told to stop taking. */
  drains(): boolean;
  reason(): string | undefined;
};

export function createFollower(worker: string): Follower {
  let followed: Directive | undefined;
  /** When each queue was probed last, or its rest began. */
  const probed = new Map<string, number>();
  const left = new Map<string, number>();

  const ruleOf = (queue: string): TakeRule | undefined =>
    followed?.kind === 'serve' ? followed.takes[queue] : undefined;
  const isDue = (queue: string, everyMs: number, nowMs: number): boolean => {
    if (!probed.has(queue)) probed.set(queue, nowMs);
    return nowMs - (probed.get(queue) ?? nowMs) >= everyMs;
  };
  const restMs = (queue: string): number => ruleOf(queue)?.rest_ms ?? 0;

  function permit(queue: string, nowMs: number): Permit | undefined {
    if (followed?.kind === 'drain') return undefined;
    if (followed?.kind === 'probe')
      return isDue(queue, followed.every_ms, nowMs) ? { maxJobs: followed.max_jobs } : undefined;
    const rule = ruleOf(queue);
    if (!rule) return {};
    const { probe_ms, max_jobs, turn, share_of, rest_rows, rest_while_taken_ms } = rule;
    if (probe_ms === undefined) probed.delete(queue);
    else if (isDue(queue, probe_ms, nowMs)) return { maxJobs: 1 };
    return {
      ...(rule.rest_ms === undefined ? {} : { restMs: rule.rest_ms }),
      ...(rest_rows === undefined ? {} : { restRows: rest_rows }),
      ...(rest_while_taken_ms === undefined ? {} : { restWhileTakenMs: rest_while_taken_ms }),
      ...(max_jobs === undefined ? {} : { maxJobs: max_jobs }),
      ...(turn ? { turn: { worker, weight: turn.weight, waitMs: turn.wait_ms } } : {}),
      ...(share_of === undefined ? {} : { shareOf: share_of }),
    };
  }
  return {
    hear(directive) {
      // Who was drained does not begin again because nobody steers.
      if (directive === undefined && followed?.kind === 'drain') return;
      followed = directive;
    },
    permit,
    took(queue, nowMs) {
      if (probed.has(queue)) probed.set(queue, nowMs);
    },
    leave: (queue, untilMs) => void left.set(queue, untilMs),
    rests(queue, nowMs) {
      if (nowMs < (left.get(queue) ?? 0)) return true;
      const now = permit(queue, nowMs);
      return now === undefined || (now.restMs ?? 0) > 0;
    },
    restMs,
    drains: () => followed?.kind === 'drain',
    reason: () => followed?.reason,
  };
}
