/**
 * How long a batch of n rows runs on this worker: a window of measured times per size, filled by the warm-up and kept up
 * by every run. Estimates never fall with size, because more rows never take less time.
 */
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';

const WINDOW = 64;

export type LatencyModel = {
  observe(rows: number, ms: number): void;
  /** Expected time of a batch, ms; between measured sizes it is interpolated, beyond them scaled. */
  p50(rows: number): number;
  p99(rows: number): number;
  /** Measured sizes in order. */
  points(): LatencyPoint[];
  /** Best rows per ms of any measured size. */
  bestRate(): number;
};

const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
};

export function createLatencyModel(seed: readonly LatencyPoint[] = []): LatencyModel {
  const windows = new Map<number, number[]>(
    seed.map((point) => [point.rows, [point.p50_ms, point.p50_ms, point.p99_ms]]),
  );
  let cached: LatencyPoint[] | undefined;

  function points(): LatencyPoint[] {
    if (cached) return cached;
    let low = 0;
    let high = 0;
    cached = [...windows]
      .toSorted(([a], [b]) => a - b)
      .map(([rows, window]) => {
        low = Math.max(low, quantile(window, 0.5));
        high = Math.max(high, low, quantile(window, 0.99));
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
      const window = windows.get(rows) ?? [];
      window.push(ms);
      if (window.length > WINDOW) window.shift();
      windows.set(rows, window);
      cached = undefined;
    },
    p50: (rows) => estimate(rows, 'p50_ms'),
    p99: (rows) => estimate(rows, 'p99_ms'),
    points,
    bestRate: () => Math.max(0, ...points().map((point) => point.rows / point.p50_ms)),
  };
}
