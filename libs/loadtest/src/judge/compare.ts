/** This run against an earlier one, step by step: what got worse by more than noise would. */
import type { LoadReport, StepResult } from './load-report.ts';

export type Difference = {
  readonly step: string;
  readonly metric: string;
  readonly before: number;
  readonly now: number;
  /** (now − before) ÷ before. */
  readonly change: number;
  readonly worse: boolean;
};

/** Times that differ by less are the same on any machine. */
const SAME_MS = 0.5;
const SAME_SHARE = 0.001;

type Metric = {
  readonly name: string;
  readonly lowerIsBetter: boolean;
  readonly same: number;
  of(step: StepResult): number | null;
};
const METRICS: readonly Metric[] = [
  { name: 'answers/s', lowerIsBetter: false, same: 0, of: (step) => step.answered_per_s },
  { name: 'p50 ms', lowerIsBetter: true, same: SAME_MS, of: (step) => step.latency.p50_ms },
  { name: 'p99 ms', lowerIsBetter: true, same: SAME_MS, of: (step) => step.latency.p99_ms },
  {
    name: 'errors',
    lowerIsBetter: true,
    same: SAME_SHARE,
    of: (step) => (step.sent === 0 ? null : (step.sent - step.succeeded) / step.sent),
  },
];

/** @param tolerance share by which a figure may be worse */
export function compareReports(before: LoadReport, now: LoadReport, tolerance: number): Difference[] {
  return now.steps.flatMap((step) => {
    const earlier = before.steps.find(({ name }) => name === step.name);
    if (!earlier) return [];
    return METRICS.flatMap(({ name, lowerIsBetter, same, of }) => {
      const [was, is] = [of(earlier), of(step)];
      if (was === null || is === null) return [];
      const change = was === 0 ? (is === 0 ? 0 : 1) : (is - was) / was;
      const worse = (lowerIsBetter ? change : -change) > tolerance && Math.abs(is - was) > same;
      return [{ step: step.name, metric: name, before: was, now: is, change, worse }];
    });
  });
}
