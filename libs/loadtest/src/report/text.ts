/** A report as lines for a terminal; also what its parts are called everywhere else. */
import type { Difference } from '../judge/compare.ts';
import type { Audit, LoadReport, Scaling, ServerSplit, StepResult, Verdict } from '../judge/load-report.ts';

export const shownMs = (ms: number | null): string => {
  if (ms === null) return '–';
  if (ms < 10) return ms.toFixed(2);
  return ms < 100 ? ms.toFixed(1) : ms.toFixed(0);
};
export const shownRate = (rate: number | null): string =>
  rate === null ? '–' : rate < 100 ? rate.toFixed(1) : rate.toFixed(0);
export const shownShare = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 2 : 1)} %`;
const errorShare = ({ sent, succeeded }: StepResult): number => (sent === 0 ? 0 : (sent - succeeded) / sent);

/** Columns as wide as their widest cell, the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

export const STEP_COLUMNS = [
  'step',
  'offered/s',
  'answered/s',
  'errors',
  'p50 ms',
  'p90',
  'p99',
  'p99.9',
  'p99.99',
  'max',
  'late p99',
] as const;

export const stepCells = (step: StepResult): string[] => [
  step.name,
  shownRate(step.offered_per_s),
  shownRate(step.answered_per_s),
  shownShare(errorShare(step)),
  shownMs(step.latency.p50_ms),
  shownMs(step.latency.p90_ms),
  shownMs(step.latency.p99_ms),
  shownMs(step.latency.p999_ms),
  shownMs(step.latency.p9999_ms),
  shownMs(step.latency.max_ms),
  shownMs(step.generator.late.p99_ms),
];

export const SPLIT_COLUMNS = [
  'in the server, ms a request',
  'queue',
  'assemble',
  'compute',
  'reply',
  'rows a run',
  'cache hits',
] as const;
export const splitCells = (name: string, split: ServerSplit): string[] => [
  name,
  shownMs(split.queue_ms),
  shownMs(split.compute_input_ms),
  shownMs(split.compute_infer_ms),
  shownMs(split.compute_output_ms),
  split.rows_per_run === null ? '–' : split.rows_per_run.toFixed(2),
  String(split.cache_hits),
];

const splitLines = (steps: readonly StepResult[]): string[] => {
  const rows = steps.flatMap(({ name, server }) => (server ? [splitCells(name, server)] : []));
  return rows.length === 0 ? [] : ['', ...table([[...SPLIT_COLUMNS], ...rows])];
};

function kindLines(steps: readonly StepResult[]): string[] {
  const last = steps.at(-1);
  if (!last || last.kinds.length < 2) return [];
  const rows = steps.flatMap((step) =>
    step.kinds.map(({ name, sent, succeeded, latency }) => [
      `${step.name}: ${name}`,
      String(sent),
      String(succeeded),
      shownMs(latency.p50_ms),
      shownMs(latency.p99_ms),
    ]),
  );
  return ['', ...table([['kind', 'sent', 'answered', 'p50 ms', 'p99'], ...rows])];
}

const failureLines = (steps: readonly StepResult[]): string[] =>
  steps.flatMap(({ name, failures }) =>
    Object.entries(failures)
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, 5)
      .map(([why, count]) => `${name}: ${count} × ${why}`),
  );

export function kneeSentence({ knee }: LoadReport): string | undefined {
  if (!knee) return undefined;
  return `The knee is at ${knee.step}: ${shownRate(knee.answered_per_s)} answers/s, p99 ${shownMs(knee.p99_ms)} ms. Beyond it answers get slower faster than they get more.`;
}
export function sloSentence({ slo }: LoadReport): string | undefined {
  if (!slo) return undefined;
  const promise = slo.thresholds.join(', ');
  return slo.rate === null
    ? `No rate that was tried meets ${promise}.`
    : `${shownRate(slo.rate)} requests/s meet ${promise}; no higher rate that was tried does.`;
}

export const verdictText = ({ threshold, step, value, met }: Verdict): string =>
  `${met ? 'met' : 'MISSED'}  ${threshold} at ${step}${value === null ? ', nothing was answered' : `: ${Number(value.toPrecision(4))}`}`;

export function scalingLines({ points, fit }: Scaling): string[] {
  const first = points[0];
  const rows = points.map(({ workers, answered_per_s: rate, p99_ms: p99 }) => {
    const even = first ? (first.answered_per_s / first.workers) * workers : 0;
    return [String(workers), shownRate(rate), even > 0 ? shownShare(rate / even) : '–', shownMs(p99)];
  });
  const lines = table([['workers', 'answered/s', 'of linear', 'p99 ms'], ...rows]);
  if (!fit) return lines;
  const best =
    fit.best_workers === null ? '' : ` More than ${fit.best_workers.toFixed(0)} workers would make it slower.`;
  return [
    ...lines,
    `Fit: ${shownRate(fit.per_worker)}/s a worker, ${shownShare(fit.contention)} of the work one at a time, ${shownShare(fit.crosstalk)} lost to one another (R² ${fit.r_squared.toFixed(3)}).${best}`,
  ];
}

export function auditLines(audit: Audit): string[] {
  const known = audit.answers === 'computed' ? 'computed here' : 'asked for before';
  const clean = audit.lost === 0 && audit.wrong === 0 && (audit.duplicated ?? 0) === 0;
  return [
    `Audit of ${audit.model}: ${audit.submitted} jobs in ${audit.seconds.toFixed(1)} s, right answers ${known}`,
    `  accepted ${audit.accepted}, refused ${audit.refused}, without an answer ${audit.unknown}`,
    `  succeeded ${audit.succeeded}, wrong ${audit.wrong}, failed ${audit.failed}, lost ${audit.lost}, duplicated ${audit.duplicated ?? 'not known (no operations port)'}, delivered again ${audit.redelivered}`,
    clean ? '  Nothing was lost, nothing came twice, every answer was right.' : '  THE AUDIT FAILED.',
    ...audit.examples.map((one) => `  ${one}`),
  ];
}

export const differenceLines = (differences: readonly Difference[]): string[] =>
  differences.length === 0
    ? ['No step has the name of one of the earlier run.']
    : table([
        ['step', 'figure', 'before', 'now', 'change', ''],
        ...differences.map(({ step, metric, before, now, change, worse }) => [
          step,
          metric,
          String(Number(before.toPrecision(4))),
          String(Number(now.toPrecision(4))),
          `${change > 0 ? '+' : ''}${(100 * change).toFixed(1)} %`,
          worse ? 'worse' : '',
        ]),
      ]);

const block = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', ...lines]);

export function reportLines(report: LoadReport): string[] {
  const { steps, verdicts, notes, scaling, audit, stopped } = report;
  const sentences = [kneeSentence(report), sloSentence(report)].filter((one) => one !== undefined);
  return [
    `${report.models.join(', ')} at ${report.target}${stopped ? ' (stopped before its end)' : ''}`,
    ...(steps.length === 0 ? [] : ['', ...table([[...STEP_COLUMNS], ...steps.map(stepCells)])]),
    ...kindLines(steps),
    ...splitLines(steps),
    ...block(failureLines(steps)),
    ...block(sentences),
    ...block(scaling ? scalingLines(scaling) : []),
    ...block(audit ? auditLines(audit) : []),
    ...block(verdicts.map(verdictText)),
    ...block(notes.map((note) => `note: ${note}`)),
  ];
}
