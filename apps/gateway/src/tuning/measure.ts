/** What a metric came to in a window of samples, and whether another window is worse by more than chance. Pure. */
import type { Measured } from '@batchyard/shared/contract/tuning';
import type { Sample } from '@batchyard/shared/contract/sample';

/** Fewer samples with a value say nothing. */
const LEAST_SAMPLES = 3;
/** So many standard errors, and at least this share of the value, are noise. */
const ERRORS = 2;
const SHARE = 0.02;

/** @param value undefined where the sample says nothing of it */
export function measure(samples: readonly Sample[], value: (sample: Sample) => number | undefined): Measured {
  const values = samples.flatMap((sample) => value(sample) ?? []);
  if (values.length === 0) return { samples: 0, mean: 0, deviation: 0 };
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  const squares = values.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { samples: values.length, mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

export const isMeasured = ({ samples }: Measured): boolean => samples >= LEAST_SAMPLES;

/** Both must be measured. */
export function isWorse(before: Measured, after: Measured, lowerIsBetter: boolean): boolean {
  const error = Math.hypot(before.deviation / Math.sqrt(before.samples), after.deviation / Math.sqrt(after.samples));
  const noise = ERRORS * error + SHARE * Math.abs(before.mean);
  return (lowerIsBetter ? after.mean - before.mean : before.mean - after.mean) > noise;
}
