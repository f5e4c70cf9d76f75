/**
 * An estimate of Redis' clock from the times its answers carry, on the monotonic clock of this process, so that a
 * change of the machine's clock cannot make deadlines wrong. Of the recent answers the quickest one tells best.
 */
export type RedisClock = {
  /** Redis' time now, in ms; NaN before the first answer. */
  nowMs(): number;
  /** What a call carries that must not be carried out late; before the first answer no call is late. */
  sentMs(): number;
  /** An answer that left Redis at `redisMs`; sent and received by `performance.now()`. */
  observe(redisMs: number, sent: number, received: number): void;
};

const FORGET_MS = 30_000;
/** Clocks drift by less in FORGET_MS. What differs by more, though both answers were quicker, is another clock. */
const DRIFT_MS = 50;

export function createRedisClock(monotonic: () => number = () => performance.now()): RedisClock {
  let offset = Number.NaN;
  let best = Number.POSITIVE_INFINITY;
  let since = 0;
  const nowMs = (): number => monotonic() + offset;
  return {
    nowMs,
    sentMs() {
      const now = nowMs();
      return Number.isNaN(now) ? Number.MAX_SAFE_INTEGER : now;
    },
    observe(redisMs, sent, received) {
      if (!Number.isFinite(redisMs)) return;
      const trip = received - sent;
      const seen = redisMs + 0.5 - (sent + received) / 2;
      const changed = Math.abs(seen - offset) > (trip + best) / 2 + DRIFT_MS;
      if (trip > best && received - since < FORGET_MS && !changed) return;
      offset = seen;
      best = trip;
      since = received;
    },
  };
}
