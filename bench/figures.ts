/** What was measured, by name; several rounds of one figure become their median. */
import { aimOf } from './aims.ts';
import { median, threeDigits } from './statistics.ts';

export type Figure = { readonly name: string; readonly value: number; readonly unit: string };

export type Figures = {
  /** One round's value. */
  record(name: string, unit: string, value: number): void;
  /** By name, c8 before c64. */
  list(): Figure[];
};

export function createFigures(): Figures {
  const rounds = new Map<string, { unit: string; values: number[] }>();
  return {
    record(name, unit, value) {
      const entry = rounds.get(name) ?? { unit, values: [] };
      entry.values.push(value);
      rounds.set(name, entry);
    },
    list: () =>
      Array.from(rounds, ([name, { unit, values }]) => ({ name, value: median(values), unit })).toSorted((a, b) =>
        a.name.localeCompare(b.name, 'en', { numeric: true }),
      ),
  };
}

/** Enough digits to compare, no more than were measured. */
function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return Math.abs(value) >= 1000 ? Math.round(value).toString() : threeDigits(value).toString();
}

/** What the figures of a suite begin with, where that is not its name. */
const BEGINNINGS: Readonly<Record<string, string>> = { memory: 'steady' };

/** Of one suite, with what onnxruntime alone did on this machine. */
export const figuresOfSuite = (suite: string, figures: readonly Figure[]): Figure[] =>
  figures.filter(({ name }) => name.startsWith(`${BEGINNINGS[suite] ?? suite}.`) || name.startsWith('raw.'));

/** Aligned columns: name, value, unit, and where there is one the aim and whether it is met. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const aim = aimOf(figure.name, figures);
    const verdict = aim ? `${aim.text}${aim.met(figure.value) ? '' : '   MISSED'}` : '';
    return [figure.name, shown(figure.value), figure.unit, verdict] as const;
  });
  const width = (column: 0 | 1 | 2): number => Math.max(0, ...rows.map((row) => row[column].length));
  const [nameWidth, valueWidth, unitWidth] = [width(0), width(1), width(2)];
  return rows
    .map(([name, value, unit, verdict]) =>
      `${name.padEnd(nameWidth)}  ${value.padStart(valueWidth)} ${unit.padEnd(unitWidth)}  ${verdict}`.trimEnd(),
    )
    .join('\n');
}

/** The same as a page of Markdown, with the command that made it. */
export function figurePage(run: { command: string; machine: string; figures: readonly Figure[] }): string {
  const rows = run.figures.map((figure) => {
    const aim = aimOf(figure.name, run.figures);
    const verdict = aim ? (aim.met(figure.value) ? 'met' : '**missed**') : '';
    return `| \`${figure.name}\` | ${shown(figure.value)} ${figure.unit} | ${aim?.text ?? ''} | ${verdict} |`;
  });
  return [
    `Printed by \`${run.command}\` on ${run.machine}.`,
    '',
    '| figure | value | aim | |',
    '| --- | --: | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
