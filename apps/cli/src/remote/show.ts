/** Tables and figures as a person reads them; without a terminal they are the same without colour. */

import { onStdout } from '../colours.ts';

export type Row = Readonly<Record<string, string>>;

/** The columns of the first row; figures to the right. */
export function table(rows: readonly Row[]): string[] {
  const [first] = rows;
  if (!first) return [];
  const columns = Object.keys(first).map((name) => {
    const cells = rows.map((row) => row[name] ?? '');
    return {
      name,
      width: Math.max(name.length, ...cells.map((cell) => cell.length)),
      figures: cells.every((cell) => cell === '' || /^[–\d.,]/.test(cell)),
    };
  });
  const line = (cellOf: (name: string) => string): string =>
    columns
      .map(({ name, width, figures }) => (figures ? cellOf(name).padStart(width) : cellOf(name).padEnd(width)))
      .join('  ')
      .trimEnd();
  return [onStdout.bold(line((name) => name)), ...rows.map((row) => line((name) => row[name] ?? ''))];
}

/** Name and value below each other. */
export function facts(pairs: Readonly<Record<string, string | number | boolean | null | undefined>>): string[] {
  const given = Object.entries(pairs).filter(([, value]) => value !== undefined && value !== null);
  const width = Math.max(0, ...given.map(([name]) => name.length));
  return given.map(([name, value]) => `${onStdout.dim(name.padEnd(width))}  ${String(value)}`);
}

export function duration(ms: number | null | undefined): string {
  if (ms === undefined || ms === null || !Number.isFinite(ms)) return '–';
  if (ms === 0) return '0 ms';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 3_600_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

export function figure(value: number | null | undefined): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return '–';
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1);
}

export const bytes = (count: number): string =>
  count < 1_048_576 ? `${(count / 1024).toFixed(0)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`;
