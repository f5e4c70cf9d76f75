/** A report as one HTML file with its plots in it: nothing is fetched, so it can be mailed, kept, and opened anywhere. */
import type { Difference } from '../judge/compare.ts';
import type { LoadReport, StepResult } from '../judge/load-report.ts';
import { drawCharts, type Chart, type Line } from './line-chart.ts';
import { escapeXml } from './junit.ts';
import {
  auditLines,
  differenceLines,
  kneeSentence,
  scalingLines,
  sloSentence,
  SPLIT_COLUMNS,
  splitCells,
  STEP_COLUMNS,
  stepCells,
  verdictText,
} from './text.ts';

const STYLE = `
body{font:15px/1.5 system-ui,sans-serif;color:#1f2328;background:#fff;max-width:75rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #d0d7de}th:first-child,td:first-child{text-align:left}
.missed{color:#cf222e;font-weight:600}pre{background:#f6f8fa;padding:.8rem;overflow:auto}figure{margin:1rem 0;overflow:auto}
`;

const cells = (row: readonly string[], tag: 'td' | 'th'): string =>
  `<tr>${row.map((cell) => `<${tag}>${escapeXml(cell)}</${tag}>`).join('')}</tr>`;
const tableOf = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><thead>${cells(columns, 'th')}</thead><tbody>${rows.map((row) => cells(row, 'td')).join('\n')}</tbody></table>`;

const STEPS_OF_TEN = [1, 2, 5];
/** Round numbers around all values: by powers of ten, or even ones from 0. */
export function ticksOf(values: readonly number[], isLog: boolean): number[] {
  const finite = values.filter((value) => Number.isFinite(value) && (!isLog || value > 0));
  if (finite.length === 0) return isLog ? [1, 10] : [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (isLog) {
    let from = Math.floor(Math.log10(low));
    let to = Math.max(from + 1, Math.ceil(Math.log10(high)));
    // A logarithm is rounded: just below a power of ten it is that power's.
    if (10 ** from > low) from -= 1;
    if (10 ** to < high) to += 1;
    return Array.from({ length: to - from + 1 }, (_, i) => Number((10 ** (from + i)).toPrecision(6)));
  }
  const rough = Math.max(high, 1e-9) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([...STEPS_OF_TEN, 10].find((one) => one * power >= rough) ?? 10);
  return Array.from({ length: Math.ceil(high / step) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

function chartOf(title: string, xLabel: string, lines: readonly Line[], logY: boolean): Chart {
  const points = lines.flatMap((line) => line.points);
  return {
    title,
    xLabel,
    xTicks: ticksOf(
      points.map(([x]) => x),
      false,
    ),
    yTicks: ticksOf(
      points.map(([, y]) => y),
      logY,
    ),
    logX: false,
    logY,
    lines,
  };
}

const point = (x: number, y: number | null): readonly [number, number] => [x, y ?? Number.NaN];

/** Latency and answers over the load, where there are several loads. */
function sweepCharts(steps: readonly StepResult[]): Chart[] {
  const open = steps.filter(({ mode }) => mode === 'open');
  const swept = open.length > 1 ? open : steps;
  if (swept.length < 2) return [];
  const loadOf = ({ offered_per_s: rate, clients }: StepResult): number => rate ?? clients ?? 0;
  const ordered = swept.toSorted((a, b) => loadOf(a) - loadOf(b));
  const label = open.length > 1 ? 'offered requests/s' : 'clients';
  const line = (name: string, of: (step: StepResult) => number | null): Line => ({
    label: name,
    points: ordered.map((step) => point(loadOf(step), of(step))),
  });
  const latencies = [
    line('p50', ({ latency }) => latency.p50_ms),
    line('p99', ({ latency }) => latency.p99_ms),
    line('p99.9', ({ latency }) => latency.p999_ms),
  ];
  return [
    chartOf('latency, ms', label, latencies, true),
    chartOf('answered/s', label, [line('answered', (step) => step.answered_per_s)], false),
  ];
}

function secondsChart(step: StepResult): Chart {
  const line = (name: string, of: 'p50_ms' | 'p99_ms'): Line => ({
    label: name,
    points: step.seconds_of.map((second) => point(second.at_s, second[of])),
  });
  return chartOf(`${step.name}: ms by second`, 'seconds', [line('p50', 'p50_ms'), line('p99', 'p99_ms')], true);
}

const section = (title: string, body: string): string => (body === '' ? '' : `<h2>${escapeXml(title)}</h2>\n${body}`);
const paragraphs = (all: readonly (string | undefined)[]): string =>
  all
    .filter((one) => one !== undefined)
    .map((one) => `<p>${escapeXml(one)}</p>`)
    .join('\n');
const pre = (lines: readonly string[]): string =>
  lines.length === 0 ? '' : `<pre>${escapeXml(lines.join('\n'))}</pre>`;
const figure = (charts: readonly Chart[]): string =>
  charts.length === 0 ? '' : `<figure>${drawCharts(charts)}</figure>`;

export function htmlOf(report: LoadReport, differences: readonly Difference[] | undefined): string {
  const { steps, verdicts, notes, scaling, audit } = report;
  const splits = steps.flatMap(({ name, server }) => (server ? [splitCells(name, server)] : []));
  const judged = verdicts.map(
    (verdict) => `<li class="${verdict.met ? '' : 'missed'}">${escapeXml(verdictText(verdict))}</li>`,
  );
  const failures = steps.flatMap(({ name, failures: all }) =>
    Object.entries(all).map(([why, count]) => [name, why, String(count)]),
  );
  const title = `Load test of ${report.models.join(', ')}`;
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeXml(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escapeXml(title)}</h1><p>${escapeXml(`${report.target}, ${report.started_at}${report.stopped ? ', stopped before its end' : ''}`)}</p>`,
    section('Steps', steps.length === 0 ? '' : tableOf(STEP_COLUMNS, steps.map(stepCells))),
    paragraphs([kneeSentence(report), sloSentence(report)]),
    figure(sweepCharts(steps)),
    section('In the server', splits.length === 0 ? '' : tableOf(SPLIT_COLUMNS, splits)),
    section('Thresholds', judged.length === 0 ? '' : `<ul>${judged.join('')}</ul>`),
    section('Against the earlier run', differences ? pre(differenceLines(differences)) : ''),
    section('Scaling', scaling ? pre(scalingLines(scaling)) : ''),
    section('Audit', audit ? pre(auditLines(audit)) : ''),
    section('Errors', failures.length === 0 ? '' : tableOf(['step', 'why', 'how often'], failures)),
    section('Over time', steps.map((step) => figure([secondsChart(step)])).join('\n')),
    section(
      'To keep in mind',
      notes.length === 0 ? '' : `<ul>${notes.map((note) => `<li>${escapeXml(note)}</li>`).join('')}</ul>`,
    ),
    '</body></html>',
    '',
  ]
    .filter((line) => line !== '')
    .join('\n');
}
