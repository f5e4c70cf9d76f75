/**
 * How long a batch of n rows runs on this worker: a window of measured times for each size of a coarse grid, filled by the
 * warm-up and kept up by every run. Estimates never fall with size, because more rows never take less time.
 */
import type { LatencyPoint } from '../contract/heartbeat.ts';

/** Runs that a size remembers: enough for a steady median, few enough to follow a neighbour that comes or goes. */
const WINDOW = 64;

export type LatencyModel = {
  observe(rows: number, ms: number): void;
  /** Expected time of a batch, ms; between sizes of the grid it is interpolated, beyond them scaled. */
  p50(rows: number): number;
  p99(rows: number): number;
  /** The grid in order. */
  points(): LatencyPoint[];
  /** Best rows per ms of any size of the grid. */
  bestRate(): number;
};

type Window = { readonly times: number[]; readonly p50: number; readonly p99: number };

function measured(times: number[]): Window {
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  return { times, p50: quantile(0.5), p99: quantile(0.99) };
}

/**
 * @param seed what the warm-up measured; its sizes are the grid. Without one the grid is the powers of two that come up.
 */
export function createLatencyModel(seed: readonly LatencyPoint[] = []): LatencyModel {
  const windows = new Map<number, Window>(
    seed.map((point) => [point.rows, measured([point.p50_ms, point.p50_ms, point.p99_ms])]),
  );
  const grid = seed.map((point) => point.rows);
  let cached: LatencyPoint[] | undefined;

  function nearestSize(rows: number): number {
    if (grid.length === 0) return 2 ** Math.round(Math.log2(rows));
    const distance = (size: number): number => Math.abs(Math.log(size / rows));
    return grid.reduce((best, size) => (distance(size) < distance(best) ? size : best));
  }

  function points(): LatencyPoint[] {
    if (cached) return cached;
    let low = 0;
    let high = 0;
    cached = [...windows]
      .toSorted(([a], [b]) => a - b)
      .map(([rows, { p50, p99 }]) => {
        low = Math.max(low, p50);
        high = Math.max(high, low, p99);
        return { rows, p50_ms: low, p99_ms: high };
      });
    return cached;
  }

  function estimate(rows: number, of: 'p50_ms' | 'p99_ms'): number {
    const known = points();
    const above = known.find((point) => point.rows >= rows);
    const below = known.findLast((point) => point.rows <= rows);
    if (above && below) {
      const share = above.rows === below.rows ? 0 : (rows - below.rows) / (above.rows - below.rows);
      return below[of] + share * (above[of] - below[of]);
    }
    if (above) return above[of];
    return below ? (below[of] * rows) / below.rows : 0;
  }

  return {
    observe(rows, ms) {
      const size = nearestSize(rows);
      const expected = estimate(rows, 'p50_ms');
      const times = windows.get(size)?.times ?? [];
      // Told as the time of the size it stands for, by the shape of the curve as known so far.
      times.push(expected > 0 ? (ms * estimate(size, 'p50_ms')) / expected : (ms * size) / rows);
      if (times.length > WINDOW) times.shift();
      windows.set(size, measured(times));
      cached = undefined;
    },
    p50: (rows) => estimate(rows, 'p50_ms'),
    p99: (rows) => estimate(rows, 'p99_ms'),
    points,
    bestRate: () => Math.max(0, ...points().map((point) => point.rows / point.p50_ms)),
  };
}

/** Groups that have a table of their own; lengths grouped exactly may be without number. */
const MAX_GROUPS = 32;

/** The table of all runs, whatever their shapes, and behind `of` a table for each shape group that was run lately. */
export type LatencyBook = LatencyModel & {
  /** Its observations count for the table of all runs, too. Rows of fixed shape (`-`) are one group: that table. */
  of(group: string): LatencyModel;
};

/** Until its first run a group is guessed from all; then the curve of all, at the level of that run, is what it begins with. */
function createGroupTable(all: LatencyModel): LatencyModel {
  let own: LatencyModel | undefined;
  const known = (): LatencyModel => own ?? all;
  return {
    observe(rows, ms) {
      const level = all.p50(rows) > 0 ? ms / all.p50(rows) : 1;
      const scaled = all
        .points()
        .map((point) => ({ ...point, p50_ms: point.p50_ms * level, p99_ms: point.p99_ms * level }));
      own ??= createLatencyModel(scaled);
      own.observe(rows, ms);
      all.observe(rows, ms);
    },
    p50: (rows) => known().p50(rows),
    p99: (rows) => known().p99(rows),
    points: () => known().points(),
    bestRate: () => known().bestRate(),
  };
}

export function createLatencyBook(seed: readonly LatencyPoint[] = []): LatencyBook {
  const all = createLatencyModel(seed);
  const groups = new Map<string, LatencyModel>();
  return {
    ...all,
    of(group) {
      if (group === '-') return all;
      const own = groups.get(group) ?? createGroupTable(all);
      // The map keeps the order of insertion: the first one is the one not used for longest.
      groups.delete(group);
      groups.set(group, own);
      const [oldest] = groups.keys();
      if (groups.size > MAX_GROUPS && oldest !== undefined) groups.delete(oldest);
      return own;
    },
  };
}
