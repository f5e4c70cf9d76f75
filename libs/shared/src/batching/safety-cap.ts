/**
 * A bound on the batch size that corrects a latency model that is wrong, as it is while a neighbour takes the cores:
 * additive increase, multiplicative decrease, as TCP finds its window (RFC 5681, section 3.1). A run that met the slack by
 * the model and missed it in fact breaks a promise. What is promised is a p99, so that one run in a hundred may break it by
 * chance: the second within sixteen runs halves the cap. Runs that kept their promise give it back step by step.
 */
import type { CapChange } from '../contract/heartbeat.ts';

export type Run = {
  readonly rows: number;
  /** What the model promised when the run began (its p99), ms. */
  readonly promisedMs: number;
  readonly tookMs: number;
  /** Until the earliest due time when the run began, ms. */
  readonly slackMs: number;
};

export type SafetyCap = {
  /** Rows of a batch at most; Infinity while nothing was missed. */
  rows(): number;
  ran(run: Run, nowMs: number): void;
  /** The last changes, oldest first. */
  history(): readonly CapChange[];
};

const DECREASE = 0.5;
/** Of the largest batch, at least one row. */
const INCREASE = 1 / 16;
/** Runs in a row that kept their promise before the cap grows by a step. */
const KEPT_RUNS = 16;
/** Two misses within so many promised runs are no chance (0.01 each: one time in seven hundred). */
const NO_CHANCE_RUNS = 16;
/** After a decrease: runs that were already decided say nothing about the new cap. */
const COOL_DOWN_MS = 1_000;
const HISTORY = 32;

/** @param maxRows of the policy, now */
export function createSafetyCap(maxRows: () => number): SafetyCap {
  let cap = Number.POSITIVE_INFINITY;
  let kept = 0;
  let sinceMiss = Number.POSITIVE_INFINITY;
  let coolUntilMs = Number.NEGATIVE_INFINITY;
  const history: CapChange[] = [];

  function change(to: number, reason: string, atMs: number): void {
    history.push({ at_ms: Math.round(atMs), from: Math.min(cap, maxRows()), to: Math.min(to, maxRows()), reason });
    if (history.length > HISTORY) history.shift();
    cap = to;
    kept = 0;
  }

  return {
    rows: () => cap,
    history: () => history,
    ran({ rows, promisedMs, tookMs, slackMs }, nowMs) {
      if (nowMs < coolUntilMs) return;
      if (promisedMs > slackMs) return;
      sinceMiss += 1;
      if (tookMs > slackMs) {
        const chance = sinceMiss > NO_CHANCE_RUNS;
        sinceMiss = 0;
        if (chance) return;
        // A run far below the cap tells nothing about sizes near it, but its own size was too large.
        const to = Math.max(1, Math.floor(Math.min(cap, rows) * DECREASE));
        coolUntilMs = nowMs + COOL_DOWN_MS;
        if (to < cap)
          change(to, `${rows} rows took ${tookMs.toFixed(1)} ms, ${promisedMs.toFixed(1)} ms were promised`, nowMs);
        return;
      }
      if (cap === Number.POSITIVE_INFINITY) return;
      kept += 1;
      if (kept < KEPT_RUNS) return;
      const to = cap + Math.max(1, Math.floor(maxRows() * INCREASE));
      change(to >= maxRows() ? Number.POSITIVE_INFINITY : to, `${KEPT_RUNS} runs kept their promise`, nowMs);
    },
  };
}
