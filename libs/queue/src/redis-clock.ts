/**
 * An estimate of Redis' clock from the times its answers carry, on the monotonic clock of this process, so that a
 * change of the machine's clock cannot make deadlines wrong. Of the recent answers the quickest one tells best.
 */
export type RedisClock = {
  /** Redis' time now, in ms; NaN before the first answer. */
  nowMs(): number;
  /** An answer that left Redis at `redisMs`; sent and received by `performance.now()`. */
  observe(redisMs: number, sent: number, received: number): void;
};

const FORGET_MS = 30_000;

export function createRedisClock(monotonic: () => number = () => performance.now()): RedisClock {
  let offset = Number.NaN;
  let best = Number.POSITIVE_INFINITY;
  let since = 0;
  return {
    nowMs: () => monotonic() + offset,
    observe(redisMs, sent, received) {
      const trip = received - sent;
      if (trip > best && received - since < FORGET_MS) return;
      offset = redisMs + 0.5 - (sent + received) / 2;
      best = trip;
      since = received;
    },
  };
}
