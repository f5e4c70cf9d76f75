/** A plan of capacity as lines for a terminal. */
import type { Prediction, Wanted } from '../capacity/plan-workers.ts';
import { meets } from '../capacity/plan-workers.ts';
import type { Spread } from '../capacity/simulate.ts';
import { shownMs, shownRate, shownShare, table } from './text.ts';

type Point = { readonly rows: number; readonly p50_ms: number; readonly p99_ms: number };
type Plan = {
  readonly model: string;
  readonly measured: { readonly workers: number; readonly sessions: number; readonly table: readonly Point[] };
  readonly overhead: Spread;
  readonly predictions: readonly Prediction[];
  readonly wanted: Wanted | null;
  readonly checked: {
    readonly predicted: Prediction;
    readonly answered_per_s: number;
    readonly p99_ms: number | null;
    readonly off: number | null;
  } | null;
};

function verdictOf(predictions: readonly Prediction[], wanted: Wanted): string {
  const enough = predictions.find((one) => meets(one, wanted));
  const promise = `p99 ≤ ${shownMs(wanted.p99Ms)} ms`;
  if (!enough) return `No number of workers that was tried meets ${promise}: more of them would not help.`;
  return `${enough.workers} ${enough.workers === 1 ? 'worker meets' : 'workers meet'} ${promise}.`;
}

export function capacityLines({ model, measured, overhead, predictions, wanted, checked }: Plan): string[] {
  const sizes = measured.table.map(({ rows, p50_ms: p50 }) => `${rows}: ${shownMs(p50)}`).join(', ');
  const rows = predictions.map((one) => [
    String(one.workers),
    shownRate(one.answered_per_s),
    shownMs(one.p50_ms),
    shownMs(one.p99_ms),
    shownShare(one.expired),
    one.rows_per_run.toFixed(2),
    shownShare(one.busy),
  ]);
  const workers = `${measured.workers} ${measured.workers === 1 ? 'worker serves' : 'workers serve'} it now`;
  return [
    `${model}: ${workers}, each with ${measured.sessions} ${measured.sessions === 1 ? 'session' : 'sessions'}; ms of a run by rows: ${sizes}`,
    `the way to a run and back: ${shownMs(overhead.p50_ms)} ms, p99 ${shownMs(overhead.p99_ms)} ms`,
    '',
    ...table([['workers', 'answered/s', 'p50 ms', 'p99', 'expired', 'rows a run', 'busy'], ...rows]),
    ...(wanted ? ['', verdictOf(predictions, wanted)] : []),
    ...(checked
      ? [
          '',
          `Checked with ${measured.workers}: ${shownRate(checked.answered_per_s)} answers/s, p99 ${shownMs(checked.p99_ms)} ms measured, ${shownMs(checked.predicted.p99_ms)} ms predicted${checked.off === null ? '' : ` (${checked.off >= 0 ? '+' : ''}${(100 * checked.off).toFixed(0)} %)`}.`,
        ]
      : []),
  ];
}
