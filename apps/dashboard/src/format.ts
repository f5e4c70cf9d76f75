/** Figures as people read them. Pure. */

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 100_000) return `${Math.round(value / 1_000)}k`;
  if (value >= 10_000) return `${(value / 1_000).toFixed(1)}k`;
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

/** Several times with one unit: `2.1 / 5.0 / 9.4 ms`. */
export function durations(all: readonly number[]): string {
  const seconds = Math.max(...all) >= 1_000;
  const figure = (ms: number): string => {
    const value = seconds ? ms / 1_000 : ms;
    return value < 10 ? value.toFixed(1) : String(Math.round(value));
  };
  return `${all.map(figure).join(' / ')} ${seconds ? 's' : 'ms'}`;
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [size, unit] = [value, 0];
  while (size >= 1_024 && unit < units.length - 1) [size, unit] = [size / 1_024, unit + 1];
  return `${size >= 100 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

export const percent = (share: number | null | undefined): string =>
  share === null || share === undefined ? '–' : `${(share * 100).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;

export const clock = (atMs: number): string => new Date(atMs).toLocaleTimeString(undefined, { hour12: false });

/** `1 worker`, `2 workers`. */
export const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
