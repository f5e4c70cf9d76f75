/** The runs of a fault as a line of a table. Pure. */
import type { Verdict, ViolationKind } from './history.ts';

export type RunLine = {
  readonly fault: string;
  readonly verdict: Verdict;
  readonly inWindow: number;
  readonly recoveryMs: number;
  readonly reruns: readonly number[];
  readonly stalls: readonly number[];
  /** Measurements of the fault itself, by what they measure. */
  readonly figures: Readonly<Record<string, readonly number[]>>;
};

const HEAD = [
  'fault',
  'runs',
  'jobs',
  'in window',
  'requests',
  'lost',
  'duplicated',
  'wrong',
  'healthy failed',
  'other',
  'run again',
  'after p50',
  'max (ms)',
  'stalls',
  'recovery p50',
  'max (ms)',
];

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function middleAndLongest(values: readonly number[]): (number | undefined)[] {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[Math.floor((sorted.length - 1) / 2)], sorted.at(-1)];
}

function cells(fault: string, runs: readonly RunLine[]): string[] {
  const count = (...kinds: ViolationKind[]): number =>
    sum(runs.map(({ verdict }) => verdict.violations.filter(({ kind }) => kinds.includes(kind)).length));
  const numbers = [
    runs.length,
    sum(runs.map(({ verdict }) => verdict.jobs)),
    sum(runs.map(({ inWindow }) => inWindow)),
    sum(runs.map(({ verdict }) => verdict.answered)),
    count('lost'),
    count('duplicated'),
    count('wrong', 'changed'),
    count('healthy failed'),
    count('unended', 'unexplained', 'slow', 'left behind'),
    sum(runs.map(({ verdict }) => verdict.runAgain)),
    ...middleAndLongest(runs.flatMap(({ reruns }) => reruns)),
    sum(runs.map(({ stalls }) => stalls.length)),
    ...middleAndLongest(runs.map((run) => run.recoveryMs)),
  ];
  return [fault, ...numbers.map((value) => (value === undefined ? '–' : String(Math.round(value * 10) / 10)))];
}

const BEGIN = '<!-- chaos: begin -->';
const END = '<!-- chaos: end -->';

/** The page with this text between its marks; the text alone where it has none. */
export function betweenMarks(page: string, text: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) return `${text}\n`;
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}

function asTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line), ''].join('\n');
}

/** A line for each thing that was measured beside, over all runs of all faults. */
export function figuresTable(runs: readonly RunLine[]): string {
  const values = new Map<string, number[]>();
  for (const { figures } of runs)
    for (const [what, measured] of Object.entries(figures))
      values.set(what, [...(values.get(what) ?? []), ...measured]);
  const rows = Array.from(values, ([what, measured]) => {
    const numbers = [measured.length, ...middleAndLongest(measured)];
    return [what, ...numbers.map((value) => String(Math.round(value ?? Number.NaN)))];
  });
  return asTable(['measured (ms, or as said)', 'times', 'p50', 'max'], rows);
}

/** A line for each fault, in the order in which they came. `other`: without an end, unexplained, or too slow, or not as before a minute later. `stalls`: of the machine. */
export function markdownTable(runs: readonly RunLine[]): string {
  const faults = [...new Set(runs.map(({ fault }) => fault))];
  const rows = faults.map((fault) =>
    cells(
      fault,
      runs.filter((run) => run.fault === fault),
    ),
  );
  return asTable(HEAD, rows);
}
