/**
 * Rows and batches a second of each model, told from what the workers count. A rate is reckoned between two beats of a worker,
 * by when they were, because beats and looks do not come in step. Pure.
 */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

export type Beat = { readonly heartbeat: Heartbeat; readonly silentMs: number };
export type Rates = { readonly rows: number; readonly batches: number };

export type WorkerRates = {
  look(beats: readonly Beat[], nowMs: number): void;
  /** A second; 0 where nothing is known. */
  of(queue: string): Rates;
};

type Line = Rates & {
  readonly queue: string;
  readonly beatMs: number;
  readonly rowsPerS: number;
  readonly batchesPerS: number;
};

/** Two looks may see one beat, at times that differ by the trip to Redis. */
const SAME_BEAT_MS = 200;
/** Who has been silent for longer runs nothing as far as anybody knows. */
const SILENT_MS = 3_500;

export function createWorkerRates(): WorkerRates {
  let lines = new Map<string, Line>();

  function next(before: Line | undefined, now: Omit<Line, 'rowsPerS' | 'batchesPerS'>): Line {
    // Of an incarnation that is new here nobody knows when it ran its rows.
    if (!before) return { ...now, rowsPerS: 0, batchesPerS: 0 };
    const elapsedMs = now.beatMs - before.beatMs;
    if (elapsedMs < SAME_BEAT_MS) return before;
    const perS = (grown: number): number => (Math.max(0, grown) * 1_000) / elapsedMs;
    return {
      ...now,
      rowsPerS: perS(now.rows - before.rows),
      batchesPerS: perS(now.batches - before.batches),
    };
  }

  return {
    look(beats, nowMs) {
      const heard = beats.filter(({ silentMs }) => silentMs < SILENT_MS);
      const now = heard.flatMap(({ heartbeat: { token, models }, silentMs }) =>
        models.map(({ queue, rows = 0, batches = 0 }): [string, Line] => {
          const key = `${token} ${queue}`;
          return [key, next(lines.get(key), { queue, rows, batches, beatMs: nowMs - silentMs })];
        }),
      );
      lines = new Map(now);
    },
    of(queue) {
      const own = [...lines.values()].filter((line) => line.queue === queue);
      return {
        rows: own.reduce((sum, { rowsPerS }) => sum + rowsPerS, 0),
        batches: own.reduce((sum, { batchesPerS }) => sum + batchesPerS, 0),
      };
    },
  };
}
