/**
 * What a measured size did over time: where it was after the warm-up, in the middle and at the end, and its slope. A size
 * is flat when neither its end nor its trend leaves what a process may gain by chance.
 */
import { median } from '../statistics.ts';

/** `atS` from the end of the warm-up, s. */
export type Point = readonly [atS: number, value: number];

export type Course = {
  /** Medians of the first, the middle and the last tenth. */
  readonly start: number;
  readonly middle: number;
  readonly end: number;
  /** Of the second half, by least squares, a hour. */
  readonly slopePerHour: number;
  /** What it gained from start to end, over what it may gain. */
  readonly gain: number;
  /** What the slope of the second half would add over the whole time, over what it may gain. */
  readonly trend: number;
};

/** A tenth of where it started, and no less than so many MB. */
const SHARE = 0.1;
const LEAST_MB = 10;
const PART = 0.1;

/** The line through the points that is nearest by the sum of squares: its rise a second; NaN of fewer than two. */
export function slope(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number): number => points.reduce((sum, p) => sum + of(p), 0) / points.length;
  const [meanAt, meanValue] = [mean(([at]) => at), mean(([, value]) => value)];
  const spread = points.reduce((sum, [at]) => sum + (at - meanAt) ** 2, 0);
  return points.reduce((sum, [at, value]) => sum + (at - meanAt) * (value - meanValue), 0) / spread;
}

/** @param points in order, in MB, of `seconds` in all */
export function courseOf(points: readonly Point[], seconds: number): Course {
  const between = (from: number, to: number): Point[] =>
    points.filter(([at]) => at >= from * seconds && at <= to * seconds);
  const level = (from: number, to: number): number => median(between(from, to).map(([, value]) => value));
  const [start, middle, end] = [level(0, PART), level(0.5 - PART / 2, 0.5 + PART / 2), level(1 - PART, 1)];
  const slopePerHour = 3600 * slope(between(0.5, 1));
  const allowed = Math.max(LEAST_MB, SHARE * start);
  return {
    start,
    middle,
    end,
    slopePerHour,
    gain: (end - start) / allowed,
    trend: (slopePerHour * seconds) / 3600 / allowed,
  };
}

/** At most so many points, each the median of those it stands for: enough to draw. */
export function thinned(points: readonly Point[], most: number): Point[] {
  const size = Math.max(1, Math.ceil(points.length / most));
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i): Point => {
    const part = points.slice(i * size, (i + 1) * size);
    return [median(part.map(([at]) => at)), median(part.map(([, value]) => value))];
  });
}
