/** The overload suite as a picture: what is answered, for whom, and how fast, over what is offered. */
import { drawCharts, type Line } from '@batchyard/loadtest/report/line-chart';
import { attainment, classOf, type Point } from './offered-load.ts';

const CLASS_NAMES = ['critical', 'high', 'normal', 'low'];

export function overloadPlot(points: readonly Point[]): string {
  const line = (label: string, value: (point: Point) => number): Line => ({
    label,
    points: points.map((point) => [point.factor, value(point)] as const),
  });
  const shared = { xLabel: 'offered load ÷ capacity', xTicks: [0.5, 1, 2, 5, 10] };
  const shares = [0, 0.2, 0.4, 0.6, 0.8, 1];
  return drawCharts([
    {
      ...shared,
      title: 'Answers in time ÷ capacity',
      yTicks: shares,
      logY: false,
      lines: [
        line('goodput', ({ goodput, capacity }) => goodput / capacity),
        line('ideal', ({ factor }) => Math.min(1, factor)),
      ],
    },
    {
      ...shared,
      title: 'Share answered in time, by class',
      yTicks: shares,
      logY: false,
      lines: CLASS_NAMES.map((name) => line(name, (point) => attainment(classOf(point, name)))),
    },
    {
      ...shared,
      title: 'p99, ms',
      yTicks: [1, 10, 100, 1000, 10_000],
      logY: true,
      lines: [
        ...CLASS_NAMES.map((name) => line(name, (point) => classOf(point, name).admitted.p99)),
        line('refusals', ({ result }) => result.refusals.p99),
      ],
    },
  ]);
}
