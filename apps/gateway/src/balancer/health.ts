/**
 * How well each worker is, from its beats and from what became of its jobs. Worse at once; better only by what is measured
 * after that. Pure.
 *
 * | health | begins | ends |
 * | --- | --- | --- |
 * | `suspect` | one beat missed, or under 90 % of its jobs succeed | two beats in time, and 95 % succeed |
 * | `unhealthy` | three beats missed, or under 50 % succeed; then it gets probes only | beats again, and three probes in a row succeed |
 * | `lost` | no beat for ten seconds | beats again: `suspect` |
 *
 * Jobs that fail on every worker alike say nothing of a worker.
 */
import { successOf, type Track } from './track.ts';

export type Health = 'healthy' | 'suspect' | 'unhealthy' | 'lost';
/** `reason` in words; `failing`: it is unhealthy by what became of its jobs, not by its silence. */
export type Verdict = { readonly health: Health; readonly reason: string; readonly failing: boolean };

export type HealthBook = {
  /** Once a second. @param silences ms since the last beat, by worker */
  judge(silences: ReadonlyMap<string, number>, track: Track, nowMs: number): ReadonlyMap<string, Verdict>;
};

/** A beat is due each second, and is looked at up to a second later. */
const ONE_MISSED_MS = 2_500;
const THREE_MISSED_MS = 4_500;
const LOST_MS = 10_000;
const SUSPECT_BELOW = 0.9;
const UNHEALTHY_BELOW = 0.5;
const HEALTHY_FROM = 0.95;
/** Fewer jobs than this say nothing. */
const LEAST_JOBS = 5;
const PROBES = 3;
const BEATS = 2;
/** So much worse than the others, as a share of theirs, or it is the jobs. */
const WORSE_BY = 0.2;

/** `fromMs`: what its jobs came to before that no longer counts. */
type State = Verdict & { readonly sinceMs: number; readonly fromMs: number; readonly beats: number };
/** `success`, also that of all others, is undefined where too few jobs tell. */
type Seen = { readonly silentMs: number; readonly success: number | undefined; readonly others: number | undefined };

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const HEALTHY = { health: 'healthy', reason: 'beats, and its jobs succeed', failing: false } as const;
const RANK: Readonly<Record<Health, number>> = { healthy: 0, suspect: 1, unhealthy: 2, lost: 3 };

function bySilence(silentMs: number): Verdict {
  const reason = `has not been heard of for ${(silentMs / 1000).toFixed(1)} s`;
  if (silentMs >= LOST_MS) return { health: 'lost', reason, failing: false };
  if (silentMs >= THREE_MISSED_MS) return { health: 'unhealthy', reason, failing: false };
  return silentMs >= ONE_MISSED_MS ? { health: 'suspect', reason, failing: false } : HEALTHY;
}
function byJobs({ success, others }: Seen): Verdict {
  if (success === undefined || others === undefined || success > others - WORSE_BY * others) return HEALTHY;
  const reason = `${percent(success)} of its jobs succeed, ${percent(others)} of the others'`;
  if (success < UNHEALTHY_BELOW) return { health: 'unhealthy', reason, failing: true };
  return success < SUSPECT_BELOW ? { health: 'suspect', reason, failing: false } : HEALTHY;
}
const worse = (one: Verdict, other: Verdict): Verdict => (RANK[other.health] > RANK[one.health] ? other : one);

/** One that gets probes: back to suspect by three of them, and from then on only these count. */
function probed(state: State, { succeeded, failed }: { succeeded: number; failed: number }, nowMs: number): State {
  if (failed > 0) return { ...state, sinceMs: nowMs };
  if (succeeded < PROBES) return state;
  const reason = `${succeeded} probes in a row succeeded`;
  return { ...state, health: 'suspect', reason, failing: false, sinceMs: nowMs, fromMs: state.sinceMs };
}
function next(before: State, seen: Seen, nowMs: number): State {
  const found = worse(byJobs(seen), bySilence(seen.silentMs));
  const state = { ...before, beats: seen.silentMs < ONE_MISSED_MS ? before.beats + 1 : 0 };
  if (RANK[found.health] >= RANK[before.health] && found.health !== 'healthy')
    return { ...state, ...found, sinceMs: found.health === before.health ? before.sinceMs : nowMs };
  if (RANK[before.health] > RANK.suspect)
    return { ...state, health: 'suspect', reason: 'beats again', failing: false, sinceMs: nowMs };
  const recovered = state.beats >= BEATS && (seen.success ?? 1) >= Math.min(HEALTHY_FROM, seen.others ?? 1);
  return recovered ? { ...state, ...HEALTHY, sinceMs: nowMs } : state;
}

export function createHealthBook(): HealthBook {
  let states = new Map<string, State>();

  const shareOf = (done: { succeeded: number; failed: number }): number | undefined =>
    done.succeeded + done.failed < LEAST_JOBS ? undefined : successOf(done);
  function othersOf(worker: string, workers: Iterable<string>, track: Track): number | undefined {
    const sums = { succeeded: 0, failed: 0 };
    for (const id of workers) {
      const { succeeded, failed } = id === worker ? { succeeded: 0, failed: 0 } : track.done(id);
      sums.succeeded += succeeded;
      sums.failed += failed;
    }
    return shareOf(sums);
  }
  return {
    judge(silences, track, nowMs) {
      const never = Number.NEGATIVE_INFINITY;
      states = new Map(
        Array.from(silences, ([worker, silentMs]): [string, State] => {
          const before = states.get(worker) ?? { ...HEALTHY, sinceMs: never, fromMs: never, beats: BEATS };
          if (before.failing && silentMs < LOST_MS)
            return [worker, probed(before, track.done(worker, before.sinceMs), nowMs)];
          const success = shareOf(track.done(worker, before.fromMs));
          return [worker, next(before, { silentMs, success, others: othersOf(worker, silences.keys(), track) }, nowMs)];
        }),
      );
      return states;
    },
  };
}
