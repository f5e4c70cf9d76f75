/**
 * When a child that ended is started again. Pure: time is an argument. The first restart is immediate; a child that dies
 * again and again before it was ready is given up, one that had served is always brought back.
 */
export type Life = { readonly endedMs: number; readonly wasReady: boolean };
export type RestartDecision =
  | { readonly kind: 'restart'; readonly inMs: number }
  | { readonly kind: 'give-up'; readonly deaths: number };

const DEATHS_BEFORE_READY = 5;
const WINDOW_MS = 60_000;
const LONGEST_MS = 10_000;

/** @param lives how its lives ended, oldest first, the latest included */
export function decideRestart(lives: readonly Life[], nowMs: number): RestartDecision {
  const recent = lives.filter((life) => nowMs - life.endedMs < WINDOW_MS);
  const sinceReady = recent.length - 1 - recent.findLastIndex((life) => life.wasReady);
  if (sinceReady >= DEATHS_BEFORE_READY) return { kind: 'give-up', deaths: sinceReady };
  if (recent.length <= 1 || recent.at(-1)?.wasReady) return { kind: 'restart', inMs: 0 };
  return { kind: 'restart', inMs: Math.min(LONGEST_MS, 250 * 2 ** (recent.length - 2)) };
}
