/**
 * One gateway's view of a key's bucket of rows, which is one for the whole cluster: it lets through what it believes is there,
 * and settles with the others a little later (queue/settle-rates.ts). Pure.
 * Invariants: whatever is let through is told exactly once, unless it is told to be lost; what is let through between two
 * settlements is at most what was there, and what comes in meanwhile.
 */

/** What a key may still send; it speaks for the whole cluster, as far as this gateway knows. */
export type Meter = {
  /** Takes the rows off. @returns seconds after which they would be there, where they are not: then nothing is taken */
  take(rows: number): number | undefined;
  /** As `RateLimit-Policy` and `RateLimit` tell it. */
  state(): { readonly burst: number; readonly windowS: number; readonly left: number; readonly fullInS: number };
};

export type RowBucket = {
  /** @returns seconds until the rows would be there, where they are not: then nothing is taken */
  take(rows: number, nowMs: number): number | undefined;
  level(nowMs: number): number;
  /** Rows that were let through since the last call; they count as told. */
  spent(): number;
  /** What is there for the whole cluster, after the rows that `spent` gave last. */
  settle(level: number, nowMs: number): void;
  /** The telling failed: they are told again. */
  untold(rows: number): void;
};

/** A request may have a little more rows than there are, for what is lost to rounding. */
const ROUNDING = 0.001;

export function createRowBucket(perSecond: number, burst: number): RowBucket {
  let known = burst;
  let atMs = Number.NEGATIVE_INFINITY;
  let rows = 0;
  const level = (nowMs: number): number =>
    atMs === Number.NEGATIVE_INFINITY ? known : Math.min(burst, known + (Math.max(0, nowMs - atMs) * perSecond) / 1000);
  return {
    level,
    take(wanted, nowMs) {
      const now = level(nowMs);
      // More than fits is let through by a full bucket, and paid off afterwards.
      const needed = Math.min(Math.max(1, wanted), burst);
      if (now + ROUNDING < needed) return (needed - now) / perSecond;
      known = now - wanted;
      atMs = nowMs;
      rows += wanted;
      return undefined;
    },
    spent() {
      const told = rows;
      rows = 0;
      return told;
    },
    settle(told, nowMs) {
      known = told - rows;
      atMs = nowMs;
    },
    untold(told) {
      rows += told;
    },
  };
}
