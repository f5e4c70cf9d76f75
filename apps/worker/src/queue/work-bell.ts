/**
 * One blocked connection for all queues of this worker. A wake-up for a queue that nobody sleeps on is kept, because the
 * marker that brought it is gone from Redis.
 */
export type WorkBell = {
  /** Resolves when the queue may have work, after a second or `limitMs` at the latest. */
  wait(queue: string, limitMs?: number): Promise<void>;
  /** Lets everybody go, for good. */
  stop(): void;
};

type Parts = {
  readonly queues: readonly string[];
  readonly waitForWork: (queues: readonly string[], maxMs: number) => Promise<string | undefined>;
  readonly pause: (ms: number) => Promise<void>;
};

const LONGEST_MS = 1_000;
const RETRY_MS = 100;

export function startWorkBell({ queues, waitForWork, pause }: Parts): WorkBell {
  const sleepers = new Map<string, () => void>();
  const kept = new Set<string>();
  let stopped = false;

  function ring(queue: string): void {
    const wake = sleepers.get(queue);
    sleepers.delete(queue);
    if (wake) wake();
    else kept.add(queue);
  }
  /** Nothing rang: everybody looks once anyway. */
  function ringAll(): void {
    for (const wake of sleepers.values()) wake();
    sleepers.clear();
  }
  /** Each queue comes first in its turn, so that none is always served last. */
  async function listen(): Promise<void> {
    for (let turn = 0; !stopped; turn = (turn + 1) % queues.length) {
      try {
        const woken = await waitForWork([...queues.slice(turn), ...queues.slice(0, turn)], LONGEST_MS);
        if (woken === undefined) ringAll();
        else ring(woken);
      } catch {
        await pause(RETRY_MS);
        ringAll();
      }
    }
  }
  async function atMost(queue: string, rung: Promise<void>, limitMs: number): Promise<void> {
    const wake = sleepers.get(queue);
    await Promise.race([rung, pause(limitMs)]);
    // Left behind, it would swallow a wake-up that belongs to the next one to sleep.
    if (sleepers.get(queue) === wake) sleepers.delete(queue);
  }
  if (queues.length > 0) void listen();
  return {
    wait(queue, limitMs) {
      if (stopped || kept.delete(queue)) return Promise.resolve();
      const rung = new Promise<void>((resolve) => sleepers.set(queue, resolve));
      return limitMs === undefined ? rung : atMost(queue, rung, limitMs);
    },
    stop() {
      stopped = true;
      ringAll();
    },
  };
}
