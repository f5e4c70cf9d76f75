/**
 * Who waits for which job. A waiter is settled by the first of: a reply on this gateway's stream, a slow poll of the job,
 * its limit. Invariants: a waiter never outlives its limit by more than one tick of the clock that calls `tick`; a job that
 * a poll does not find is not given up before the stream has been read from then on, because a job may leave together with
 * its reply, and the poll may overtake that.
 */
import type { Reply } from '@batchyard/queue/operations';

/** `gone`: the job is no longer there, so no reply will come. `timeout`: the limit passed. */
export type Outcome = Reply | 'gone' | 'timeout';
/** What a poll of the job found: an outcome, or that it is still open. */
export type Polled = Outcome | 'open';

type Waiter = { readonly limitMs: number; nextPollMs: number; polls: number; resolve(outcome: Outcome): void };
/** `stored`: false as long as the job may be on its way to the queue: not to be found then says nothing. */
export type AwaitedJob = { readonly queue: string; readonly id: string; readonly stored?: () => boolean };
type Entry = {
  readonly queue: string;
  readonly waiters: Set<Waiter>;
  readonly stored: () => boolean;
  polling: boolean;
};

export type Waiters = {
  /** Waits for the job's outcome until `limitMs` (of the clock that `tick` is given). */
  wait(job: AwaitedJob, limitMs: number, nowMs: number): { outcome: Promise<Outcome>; stop(): void };
  /** What one read of a stream gave; to be called for every read, also an empty one. */
  deliver(replies: readonly Reply[], stream?: number): void;
  /** Settles what has passed its limit and polls what has waited long; called about every 100 ms. */
  tick(nowMs: number): void;
  /** After a gap in the reply stream: polls everything at the next tick. */
  pollAll(): void;
  /** Settles everything as if its limit had passed. */
  giveUp(): void;
  size(): number;
};

const FIRST_POLL_MS = 1_000;
/** The read that is under way may have begun before the job left; the one after it has not. */
const READS_AFTER = 2;

/** @param streamOf the stream that tells of a queue's jobs: on a cluster there are several */
export function createWaiters(
  poll: (queue: string, id: string) => Promise<Polled>,
  streamOf: (queue: string) => number = () => 0,
): Waiters {
  const entries = new Map<string, Entry>();
  /** Jobs that were not found, and the read of their stream by which their replies would have come. */
  const missing = new Map<string, { readonly stream: number; readonly read: number }>();
  const reads: number[] = [];
  const readsOf = (stream: number): number => reads[stream] ?? 0;

  function settle(id: string, outcome: Outcome): void {
    const entry = entries.get(id);
    if (!entry) return;
    entries.delete(id);
    missing.delete(id);
    for (const waiter of entry.waiters) waiter.resolve(outcome);
  }
  async function pollOne(id: string, entry: Entry): Promise<void> {
    if (entry.polling) return;
    entry.polling = true;
    const stored = entry.stored();
    const found = await poll(entry.queue, id).catch((): Polled => 'open');
    entry.polling = false;
    if (entries.get(id) !== entry || found === 'open') return;
    if (found !== 'gone') settle(id, found);
    else if (stored && !missing.has(id)) {
      const stream = streamOf(entry.queue);
      missing.set(id, { stream, read: readsOf(stream) + READS_AFTER });
    }
  }
  function drop(id: string, waiter: Waiter): void {
    const entry = entries.get(id);
    entry?.waiters.delete(waiter);
    if (entry?.waiters.size !== 0) return;
    entries.delete(id);
    missing.delete(id);
  }

  return {
    wait({ queue, id, stored = () => true }, limitMs, nowMs) {
      let stop = (): void => undefined;
      const outcome = new Promise<Outcome>((resolve) => {
        const waiter: Waiter = { limitMs, nextPollMs: nowMs + FIRST_POLL_MS, polls: 0, resolve };
        const entry = entries.get(id);
        if (entry) entry.waiters.add(waiter);
        else entries.set(id, { queue, waiters: new Set([waiter]), stored, polling: false });
        stop = () => drop(id, waiter);
      });
      return { outcome, stop: () => stop() };
    },
    deliver(replies, stream = 0) {
      reads[stream] = readsOf(stream) + 1;
      for (const reply of replies) settle(reply.id, reply);
      for (const [id, due] of missing) if (due.stream === stream && readsOf(stream) >= due.read) settle(id, 'gone');
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
