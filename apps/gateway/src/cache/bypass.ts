/**
 * Whether looking is worth it. Where requests hardly ever repeat, hashing and storing them is lost, so they pass the cache
 * by; a short row of them is looked at now and then, because that may change. Decides only: time is an argument.
 */

/** A verdict rests on so many requests. */
const WINDOW = 512;
const PROBE = 128;
/** Below it the cache is passed by; a row of probes has to reach more to end that. */
const POOR = 0.05;
const GOOD = 0.1;
/** Between two rows of probes, whichever is first. */
const PASSED_BETWEEN = 8_192;
const MS_BETWEEN = 30_000;

export type Bypass = {
  /** Whether this request is looked up. */
  looks(nowMs: number): boolean;
  /** How a lookup ended. */
  saw(hit: boolean, nowMs: number): void;
  active(): boolean;
};

export function createBypass(): Bypass {
  let bypassed = false;
  let probing = false;
  let [looked, hits, passed, sinceMs] = [0, 0, 0, 0];

  function begin(nowMs: number): void {
    [looked, hits, passed, sinceMs] = [0, 0, 0, nowMs];
  }
  return {
    looks(nowMs) {
      if (!bypassed || probing) return true;
      passed += 1;
      if (passed < PASSED_BETWEEN && nowMs - sinceMs < MS_BETWEEN) return false;
      probing = true;
      begin(nowMs);
      return true;
    },
    saw(hit, nowMs) {
      if (bypassed && !probing) return;
      looked += 1;
      if (hit) hits += 1;
      if (looked < (bypassed ? PROBE : WINDOW)) return;
      bypassed = hits / looked < (bypassed ? GOOD : POOR);
      probing = false;
      begin(nowMs);
    },
    active: () => bypassed,
  };
}
