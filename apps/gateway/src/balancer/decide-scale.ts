/**
 * Whether one worker more or one less is wanted, and of which supervisor. Pure: time is an argument.
 *
 * Up when the workers are busy with a queue in which jobs will wait too long; down when they are idle in all of them and hardly
 * anything waits: a worker has a thread for each model, so that one model can be in need while the others are idle. Either
 * must have been so for a while without a break, between two changes there is a pause, and between the two thresholds lies
 * a wide band in which nothing happens.
 */
import type { ScaleWish, SupervisorReport } from '@batchyard/shared/contract/scaling';

/** Of a queue. `utilisation`: mean busy share of its sessions. `pressure`: predicted wait over the SLA of the class, of the worst class. */
export type ScaleFacts = { readonly utilisation: number; readonly pressure: number };
export type ScaleDecision = {
  readonly supervisor: string;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
};
export type ScaledSupervisor = { readonly report: SupervisorReport; readonly wish: ScaleWish | undefined };

export const UP = { utilisation: 0.8, pressure: 0.5, holdMs: 3_000, pauseMs: 5_000 } as const;
export const DOWN = { utilisation: 0.3, pressure: 0.1, holdMs: 15_000, pauseMs: 15_000 } as const;

export type Autoscaler = {
  /** Once a second while this gateway steers. @returns one step, or nothing */
  look(
    queues: readonly ScaleFacts[],
    supervisors: readonly ScaledSupervisor[],
    nowMs: number,
  ): ScaleDecision | undefined;
  /** Forgets for how long anything has been so: this gateway did not look. */
  reset(): void;
};

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Those that the autoscaler may move: a range was given, and no person has asked for a number lately. */
const movable = ({ report, wish }: ScaledSupervisor): boolean => report.range.auto && wish?.by !== 'hand';

export function createAutoscaler(): Autoscaler {
  let highSinceMs: number | undefined;
  let lowSinceMs: number | undefined;
  let changedMs = Number.NEGATIVE_INFINITY;

  function step(
    direction: 1 | -1,
    supervisors: readonly ScaledSupervisor[],
    reason: string,
  ): ScaleDecision | undefined {
    const room = supervisors
      .filter(movable)
      .map(({ report }) => report)
      .filter(({ workers, range }) => (direction === 1 ? workers < range.max : workers > range.min))
      // The emptiest machine gets one more, the fullest gives one up.
      .toSorted((a, b) => direction * (a.workers - b.workers) || (a.id < b.id ? -1 : 1));
    const [chosen] = room;
    if (!chosen) return undefined;
    return { supervisor: chosen.id, from: chosen.workers, to: chosen.workers + direction, reason };
  }

  return {
    look(queues, supervisors, nowMs) {
      const inNeed = queues.filter((one) => one.utilisation > UP.utilisation && one.pressure > UP.pressure);
      const low = queues.every((one) => one.utilisation < DOWN.utilisation && one.pressure < DOWN.pressure);
      const pressure = Math.max(0, ...(inNeed.length > 0 ? inNeed : queues).map((one) => one.pressure));
      const utilisation = Math.max(0, ...(inNeed.length > 0 ? inNeed : queues).map((one) => one.utilisation));
      highSinceMs = inNeed.length > 0 ? (highSinceMs ?? nowMs) : undefined;
      lowSinceMs = low ? (lowSinceMs ?? nowMs) : undefined;
      const words = `workers ${percent(utilisation)} busy, predicted wait ${percent(pressure)} of its SLA`;
      const due = (sinceMs: number | undefined, { holdMs, pauseMs }: { holdMs: number; pauseMs: number }): boolean =>
        sinceMs !== undefined && nowMs - sinceMs >= holdMs && nowMs - changedMs >= pauseMs;
      let decision: ScaleDecision | undefined;
      if (due(highSinceMs, UP)) decision = step(1, supervisors, `${words} for ${UP.holdMs / 1000} s`);
      else if (due(lowSinceMs, DOWN)) decision = step(-1, supervisors, `${words} for ${DOWN.holdMs / 1000} s`);
      if (decision) changedMs = nowMs;
      return decision;
    },
    reset() {
      highSinceMs = undefined;
      lowSinceMs = undefined;
    },
  };
}

/**
 * Shares a number of workers among supervisors as evenly as their bounds allow.
 * @returns by supervisor; undefined where the number is outside of what they allow together
 */
export function shareWorkers(
  count: number,
  reports: readonly SupervisorReport[],
): ReadonlyMap<string, number> | undefined {
  const shares = new Map(reports.map(({ id, range }) => [id, range.min]));
  let left = count - reports.reduce((sum, { range }) => sum + range.min, 0);
  if (left < 0) return undefined;
  for (; left > 0; left -= 1) {
    const [next] = reports
      .filter(({ id, range }) => (shares.get(id) ?? 0) < range.max)
      .toSorted((a, b) => (shares.get(a.id) ?? 0) - (shares.get(b.id) ?? 0));
    if (!next) return undefined;
    shares.set(next.id, (shares.get(next.id) ?? 0) + 1);
  }
  return shares;
}

/** Workers run at so much of their best rate at most. */
const TARGET_UTILISATION = 0.7;
/** What waits is to be run within this time. */
const BACKLOG_MS = 10_000;

/**
 * Workers that a queue needs, as a fraction: (rows that are run each ms + rows that wait / 10 s) / (0.7 × rows per ms of one
 * worker). 0 where the rate of a worker is not known.
 */
export function workersFor(queue: {
  readonly ranPerMs: number;
  readonly waitingRows: number;
  readonly workerRowsPerMs: number;
}): number {
  if (queue.workerRowsPerMs <= 0) return 0;
  return (queue.ranPerMs + queue.waitingRows / BACKLOG_MS) / (TARGET_UTILISATION * queue.workerRowsPerMs);
}
