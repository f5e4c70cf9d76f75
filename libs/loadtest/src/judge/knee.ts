/** Where a system stops getting faster and only gets slower, and how much it takes within what was promised. */
import type { Knee, StepResult } from './load-report.ts';
import { judge, type Threshold } from './thresholds.ts';

const loadOf = ({ offered_per_s: rate, clients }: StepResult): number => rate ?? clients ?? 0;
const inOrder = (steps: readonly StepResult[]): StepResult[] => steps.toSorted((a, b) => loadOf(a) - loadOf(b));

/** Fewer points have no bend. */
const LEAST_STEPS = 3;

/**
 * The step of the most power, that is answers a second over their mean time (Kleinrock 1979): below it there is room left,
 * beyond it each further answer costs all the others more than it is worth.
 */
export function kneeOf(steps: readonly StepResult[]): Knee | null {
  const measured = inOrder(steps).filter(({ latency }) => latency.mean_ms !== null);
  if (measured.length < LEAST_STEPS) return null;
  const power = ({ answered_per_s: rate, latency }: StepResult): number => rate / Math.max(1e-3, latency.mean_ms ?? 0);
  const best = measured.reduce((a, b) => (power(b) > power(a) ? b : a));
  return {
    at: loadOf(best),
    step: best.name,
    answered_per_s: best.answered_per_s,
    p99_ms: best.latency.p99_ms,
  };
}

/** The last step, from the lowest up, until one misses a threshold. */
export function highestWithin(
  steps: readonly StepResult[],
  thresholds: readonly Threshold[],
): { readonly passed: StepResult | undefined; readonly missed: StepResult | undefined } {
  const ordered = inOrder(steps);
  const at = ordered.findIndex((step) => judge(thresholds, step).some(({ met }) => !met));
  return at < 0
    ? { passed: ordered.at(-1), missed: undefined }
    : { passed: at === 0 ? undefined : ordered[at - 1], missed: ordered[at] };
}
