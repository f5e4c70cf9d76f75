/** Times in a High Dynamic Range histogram: every value within a thousandth of itself, up to p99.99 and beyond. */
import { build } from 'hdr-histogram-js';

import type { LatencyFigures } from '../judge/load-report.ts';

const US = 1_000;
const LONGEST_US = 3_600_000_000;

export type LatencyHistogram = { record(ms: number): void; figures(): LatencyFigures };

export function createLatencyHistogram(): LatencyHistogram {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  const ms = (us: number): number => Math.round(us) / US;
  const at = (percent: number): number => Math.min(histogram.getValueAtPercentile(percent) / US, most);
  return {
    record(value) {
      const us = Math.max(0, Math.min(LONGEST_US, Math.round(value * US)));
      histogram.recordValue(us);
      least = Math.min(least, us / US);
      most = Math.max(most, us / US);
    },
    figures() {
      const count = histogram.totalCount;
      const of = (value: number): number | null => (count === 0 ? null : value);
      return {
        count,
        mean_ms: of(ms(histogram.mean)),
        min_ms: of(least),
        p50_ms: of(at(50)),
        p90_ms: of(at(90)),
        p95_ms: of(at(95)),
        p99_ms: of(at(99)),
        p999_ms: of(at(99.9)),
        p9999_ms: of(at(99.99)),
        max_ms: of(most),
      };
    },
  };
}
