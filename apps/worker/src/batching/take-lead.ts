/**
 * How long before the running batch is expected to end the next one is taken. Too late, and the session idles while the
 * take, the reading and the stacking go on; too early, and what comes meanwhile misses the batch for nothing. Neither the
 * length of a run nor that of a take is certain, least of all under overload, so the lead follows what it brings: half of
 * each idle time is added, and while there is none it slowly goes back.
 */

/** Room for the call that takes the next batch and for stacking it, where both are quick. */
const LEAST_MS = 1.5;
/** Of the expected run: beyond it order is worth more than the idle time. */
const MOST_OF_RUN = 0.25;
const GROWTH = 0.5;
const DECAY = 0.97;

export type TakeLead = {
  /** @param runMs the expected run, ms @returns ms, never more than a quarter of the run or what is always needed */
  ms(runMs: number): number;
  /** The session waited so long for this batch though there had been work all along; 0 where the batch waited for it. */
  idled(ms: number): void;
};

export function createTakeLead(): TakeLead {
  let lead = LEAST_MS;
  let mostMs = LEAST_MS;
  return {
    ms(runMs) {
      mostMs = Math.max(LEAST_MS, MOST_OF_RUN * runMs);
      return Math.min(lead, mostMs);
    },
    idled(ms) {
      lead = ms > 0 ? Math.min(mostMs, lead + GROWTH * ms) : Math.max(LEAST_MS, DECAY * lead);
    },
  };
}
