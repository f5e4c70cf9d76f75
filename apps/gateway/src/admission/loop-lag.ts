/**
 * How far this gateway is behind with its own work, told by a clock of its own: a tick that should come each `everyMs` comes
 * late by as long as a turn of the event loop takes, and that long a request lies in its socket. The least of the last few
 * counts, so that one pause (a collection of garbage, a process that was stopped) is nobody's reason to be refused. Pure.
 */
export type LoopLag = {
  tick(nowMs: number): void;
  behindMs(): number;
};

const TICKS = 3;
/** Timers come late by so much where nothing is wrong. */
const JITTER_MS = 20;

export function createLoopLag(everyMs: number): LoopLag {
  const late: number[] = [];
  let lastMs: number | undefined;
  return {
    tick(nowMs) {
      if (lastMs !== undefined) late.push(Math.max(0, nowMs - lastMs - everyMs));
      if (late.length > TICKS) late.shift();
      lastMs = nowMs;
    },
    behindMs() {
      const least = late.length < TICKS ? 0 : Math.min(...late);
      return least < JITTER_MS ? 0 : least;
    },
  };
}
