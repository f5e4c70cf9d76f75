/** Memory over time as a picture: all of each process, and what its own heap says. */
import { drawCharts, type Chart, type Line } from '@batchyard/loadtest/report/line-chart';
import { thinned, type Point } from './series.ts';

const MOST_POINTS = 60;
const STEPS = 5;

/** Round ticks from 0 to just beyond the largest value. */
export function ticksUpTo(largest: number): number[] {
  const raw = Math.max(largest, 1e-9) / STEPS;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw) ?? raw;
  return Array.from({ length: STEPS + 1 }, (_, i) => Number((i * step).toPrecision(6)));
}

export function memoryPlot(series: ReadonlyMap<string, readonly Point[]>, seconds: number): string {
  const chart = (title: string, ends: readonly string[]): Chart => {
    const lines = Array.from(series)
      .filter(([name]) => ends.some((end) => name.endsWith(end)))
      .map(([name, points]): Line => ({
        label: name,
        points: thinned(points, MOST_POINTS).map(([at, value]) => [at / 60, value] as const),
      }));
    const largest = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)));
    const yTicks = ticksUpTo(largest);
    return { title, xLabel: 'minutes', xTicks: ticksUpTo(seconds / 60), yTicks, logX: false, logY: false, lines };
  };
  return drawCharts([chart('PSS of each process, MB', ['.pss']), chart('Heaps and data, MB', ['.heap', '.used'])]);
}
