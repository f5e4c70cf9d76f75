/** What each worker has done lately, told from the counters in its heartbeats. Pure. */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

export type Done = {
  /** Jobs of its runs in the window that succeeded, and that failed because the run did. */
  readonly succeeded: number;
  readonly failed: number;
  /** Rows by queue. */
  readonly rows: ReadonlyMap<string, number>;
};

export type Track = {
  /** Once a second or so. */
  look(heartbeats: readonly Heartbeat[], nowMs: number): void;
  /** Within the window, or since `sinceMs` where that is later. */
  done(worker: string, sinceMs?: number): Done;
};

const WINDOW_MS = 10_000;

type Counters = { readonly succeeded: number; readonly failed: number; readonly rows: ReadonlyMap<string, number> };
type Step = Counters & { readonly atMs: number };

const sum = (values: Iterable<number>): number => [...values].reduce((all, one) => all + one, 0);

function countersOf({ models }: Heartbeat): Counters {
  return {
    succeeded: sum(models.map((one) => one.succeeded ?? 0)),
    failed: sum(models.map((one) => one.failed ?? 0)),
    rows: new Map(models.map(({ queue, rows = 0 }) => [queue, rows])),
  };
}
const grown = (now: Counters, before: Counters, atMs: number): Step => ({
  atMs,
  succeeded: Math.max(0, now.succeeded - before.succeeded),
  failed: Math.max(0, now.failed - before.failed),
  rows: new Map([...now.rows].map(([queue, rows]) => [queue, Math.max(0, rows - (before.rows.get(queue) ?? 0))])),
});

/** The share of jobs that succeeded; undefined where none has ended. */
export function successOf({ succeeded, failed }: Pick<Done, 'succeeded' | 'failed'>): number | undefined {
  return succeeded + failed === 0 ? undefined : succeeded / (succeeded + failed);
}

export function createTrack(): Track {
  const workers = new Map<string, { token: string; last: Counters; steps: Step[] }>();
  // Of the whole window, since the last look: it is asked for by every line of every decision.
  const known = new Map<string, Done>();
  function doneSince(worker: string, sinceMs: number): Done {
    const steps = (workers.get(worker)?.steps ?? []).filter(({ atMs }) => atMs > sinceMs);
    const rows = new Map<string, number>();
    for (const step of steps) for (const [queue, count] of step.rows) rows.set(queue, (rows.get(queue) ?? 0) + count);
    return { succeeded: sum(steps.map((one) => one.succeeded)), failed: sum(steps.map((one) => one.failed)), rows };
  }
  return {
    look(heartbeats, nowMs) {
      known.clear();
      for (const beat of heartbeats) {
        const now = countersOf(beat);
        const own = workers.get(beat.id);
        // Of a process that is new here nobody knows when it did what it has done.
        if (own?.token !== beat.token) {
          workers.set(beat.id, { token: beat.token, last: now, steps: [] });
          continue;
        }
        own.steps = [...own.steps, grown(now, own.last, nowMs)].filter(({ atMs }) => atMs > nowMs - WINDOW_MS);
        own.last = now;
      }
      const living = new Set(heartbeats.map(({ id }) => id));
      for (const id of workers.keys()) if (!living.has(id)) workers.delete(id);
    },
    done(worker, sinceMs) {
      if (sinceMs !== undefined) return doneSince(worker, sinceMs);
      const found = known.get(worker) ?? doneSince(worker, Number.NEGATIVE_INFINITY);
      known.set(worker, found);
      return found;
    },
  };
}
