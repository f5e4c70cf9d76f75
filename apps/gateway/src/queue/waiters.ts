/**
 * Who waits for which job. A waiter is settled by the first of: a reply on this gateway's stream, a slow poll of the job,
 * its limit. Invariant: a waiter never outlives its limit by more than one tick of the clock that calls `tick`.
 */
import type { Reply } from '@batchyard/queue/operations';

/** `gone`: the job is no longer there, so no reply will come. `timeout`: the limit passed. */
export type Outcome = Reply | 'gone' | 'timeout';
/** What a poll of the job found: an outcome, or that it is still open. */
export type Polled = Outcome | 'open';

type Waiter = { readonly limitMs: number; nextPollMs: number; polls: number; resolve(outcome: Outcome): void };
type Entry = { readonly queue: string; readonly waiters: Set<Waiter>; polling: boolean };

export type Waiters = {
  /** Waits for the job's outcome until `limitMs` (of the clock that `tick` is given). */
  wait(job: { queue: string; id: string }, limitMs: number, nowMs: number): { outcome: Promise<Outcome>; stop(): void };
  /** What one read of the reply stream brought, be it nothing. */
  deliver(replies: readonly Reply[]): void;
  /** Settles what has passed its limit and polls what has waited long; called about every 100 ms. */
  tick(nowMs: number): void;
  /** After a gap in the reply stream: polls everything at the next tick. */
  pollAll(): void;
  /** Settles everything as if its limit had passed. */
  giveUp(): void;
  size(): number;
};

const FIRST_POLL_MS = 1_000;
/**
 * An attached job goes in the call that writes its reply: that it is gone says nothing while the reply may be unread. One
 * read may have been under way when the job was looked at; the next one began after it.
 */
const READS_TO_GONE = 2;

export function createWaiters(poll: (queue: string, id: string) => Promise<Polled>): Waiters {
  const entries = new Map<string, Entry>();
  /** Jobs that were not there any more, and how many reads of the stream are left to tell why. */
  const missed = new Map<string, number>();

  function forget(id: string): void {
    entries.delete(id);
    missed.delete(id);
  }
  function settle(id: string, outcome: Outcome): void {
    const entry = entries.get(id);
    if (!entry) return;
    forget(id);
    for (const waiter of entry.waiters) waiter.resolve(outcome);
  }
  async function pollOne(id: string, entry: Entry): Promise<void> {
    if (entry.polling) return;
    entry.polling = true;
    const found = await poll(entry.queue, id).catch((): Polled => 'open');
    entry.polling = false;
    if (entries.get(id) !== entry) return;
    if (found === 'gone') missed.set(id, missed.get(id) ?? READS_TO_GONE);
    else missed.delete(id);
    if (found !== 'open' && found !== 'gone') settle(id, found);
  }
  function drop(id: string, waiter: Waiter): void {
    const entry = entries.get(id);
    entry?.waiters.delete(waiter);
    if (entry?.waiters.size === 0) forget(id);
  }

  return {
    wait({ queue, id }, limitMs, nowMs) {
      let stop = (): void => undefined;
      const outcome = new Promise<Outcome>((resolve) => {
        const waiter: Waiter = { limitMs, nextPollMs: nowMs + FIRST_POLL_MS, polls: 0, resolve };
        const entry = entries.get(id);
        if (entry) entry.waiters.add(waiter);
        else entries.set(id, { queue, waiters: new Set([waiter]), polling: false });
        stop = () => drop(id, waiter);
      });
      return { outcome, stop: () => stop() };
    },
    deliver(replies) {
      for (const reply of replies) settle(reply.id, reply);
      for (const [id, left] of missed)
        if (left > 1) missed.set(id, left - 1);
        else settle(id, 'gone');
    },
    tick(nowMs) {
      for (const [id, entry] of entries) {
        for (const waiter of entry.waiters) {
          if (nowMs >= waiter.limitMs) {
            drop(id, waiter);
            waiter.resolve('timeout');
          } else if (nowMs >= waiter.nextPollMs) {
            waiter.polls += 1;
            waiter.nextPollMs = nowMs + FIRST_POLL_MS * Math.min(8, 2 ** waiter.polls);
            void pollOne(id, entry);
          }
        }
      }
    },
    pollAll() {
      for (const entry of entries.values()) for (const waiter of entry.waiters) waiter.nextPollMs = 0;
    },
    giveUp() {
      for (const id of entries.keys()) settle(id, 'timeout');
    },
    size: () => entries.size,
  };
}
