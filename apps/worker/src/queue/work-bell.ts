/**
 * One blocked connection for all queues of this worker, but those in which it rests: it would wake for jobs that are left
 * to others, who would then sleep on. With one queue nobody listens while its session is busy, so that the marker wakes
 * somebody who is free. Of several a call listens to all, as it cannot be changed once it blocks: a wake-up for a queue
 * that nobody sleeps on is kept, because the marker that brought it is gone from Redis.
 */
export type WorkBell = {
  /** Resolves when the queue may have work, after a second or `limitMs` at the latest. */
  wait(queue: string, limitMs?: number): Promise<void>;
  /** Its sleeper looks up: the queue is not served any more. */
  wake(queue: string): void;
  /** Lets everybody go, for good. */
  stop(): void;
};

type Parts = {
  /** Those that it serves now. */
  readonly queues: () => readonly string[];
  /** Whether this worker leaves the queue to others for now. */
  readonly rests: (queue: string) => boolean;
  readonly waitForWork: (queues: readonly string[], maxMs: number) => Promise<string | undefined>;
  /** Puts a marker back for others. */
  readonly handOn: (queue: string) => Promise<void>;
  readonly pause: (ms: number) => Promise<void>;
};

const LONGEST_MS = 1_000;
const RETRY_MS = 100;
/** While it rests anywhere: so soon it listens to a queue in which it rests no more. */
const RESTING_MS = 100;

export function startWorkBell({ queues, rests, waitForWork, handOn, pause }: Parts): WorkBell {
  /** Several, where a model has several sessions. */
  const sleepers = new Map<string, Set<() => void>>();
  const kept = new Set<string>();
  let stopped = false;
  let tellListener: (() => void) | undefined;

  /** Until somebody goes to sleep. */
  const nextSleeper = (): Promise<void> =>
    new Promise((resolve) => {
      tellListener = resolve;
    });
  function forget(queue: string, wake: () => void): void {
    const own = sleepers.get(queue);
    own?.delete(wake);
    if (own?.size === 0) sleepers.delete(queue);
  }
  function ring(queue: string): void {
    const [wake] = sleepers.get(queue) ?? [];
    if (wake) {
      forget(queue, wake);
      wake();
    } else if (rests(queue)) void handOn(queue).catch(() => undefined);
    else kept.add(queue);
  }
  function wakeAll(queue: string): void {
    for (const wake of sleepers.get(queue) ?? []) wake();
    sleepers.delete(queue);
  }
  /** Nothing rang: everybody looks once anyway. */
  function ringAll(): void {
    for (const queue of sleepers.keys()) wakeAll(queue);
  }
  /** Each queue comes first in its turn, so that none is always served last. */
  async function listen(): Promise<void> {
    for (let turn = 0; !stopped; turn += 1) {
      const all = queues();
      const first = turn % Math.max(1, all.length);
      const heard = [...all.slice(first), ...all.slice(0, first)].filter(
        (queue) => !rests(queue) && (all.length > 1 || sleepers.has(queue)),
      );
      if (heard.length === 0) {
        await (all.some(rests) ? Promise.race([pause(RESTING_MS), nextSleeper()]) : nextSleeper());
        continue;
      }
      try {
        const woken = await waitForWork(heard, heard.length < all.length ? RESTING_MS : LONGEST_MS);
        if (woken === undefined) ringAll();
        else ring(woken);
      } catch {
        await pause(RETRY_MS);
        ringAll();
      }
    }
  }
  void listen();
  return {
    wait(queue, limitMs) {
      if (stopped || kept.delete(queue)) return Promise.resolve();
      let wake = (): void => undefined;
      const rung = new Promise<void>((resolve) => {
        wake = resolve;
      });
      sleepers.set(queue, (sleepers.get(queue) ?? new Set()).add(wake));
      tellListener?.();
      if (limitMs === undefined) return rung;
      // Left behind, it would swallow a wake-up that belongs to the next one to sleep.
      return Promise.race([rung, pause(limitMs)]).then(() => forget(queue, wake));
    },
    wake(queue) {
      kept.delete(queue);
      wakeAll(queue);
    },
    stop() {
      stopped = true;
      ringAll();
      tellListener?.();
    },
  };
}
