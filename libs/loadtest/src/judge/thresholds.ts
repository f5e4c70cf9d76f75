/**
 * What a load test must reach, as people write it: `p99<50ms`, `p99.9<=1s`, `mean<20ms`, `max<2s`, `errors<1%`, `refused<5%`,
 * `rate>=200`, `late<5ms` (the generator's own p99), each of one kind of request with `@`: `p99@simple/high<30ms`.
 */
import type { LatencyFigures, StepResult, Verdict } from './load-report.ts';

export type Threshold = {
  readonly text: string;
  readonly metric: string;
  readonly kind: string | undefined;
  readonly operator: '<' | '<=' | '>' | '>=';
  /** ms, a share, or a rate. */
  readonly bound: number;
};

const FORM = /^\s*([a-z][a-z0-9.]*)(?:@([^<>=\s]+))?\s*(<=|>=|<|>)\s*(\d+(?:\.\d+)?)\s*(ms|s|%|\/s)?\s*$/;
const PERCENTILES: Readonly<Record<string, keyof LatencyFigures>> = {
  p50: 'p50_ms',
  p90: 'p90_ms',
  p95: 'p95_ms',
  p99: 'p99_ms',
  'p99.9': 'p999_ms',
  'p99.99': 'p9999_ms',
  mean: 'mean_ms',
  max: 'max_ms',
};
const SHARES = ['errors', 'refused'];
const RATES = ['rate'];
const KNOWN = [...Object.keys(PERCENTILES), ...SHARES, ...RATES, 'late'];

function boundOf(metric: string, value: number, unit: string | undefined): number | undefined {
  if (SHARES.includes(metric)) return unit === '%' ? value / 100 : unit === undefined ? value : undefined;
  if (RATES.includes(metric)) return unit === undefined || unit === '/s' ? value : undefined;
  if (unit === 's') return value * 1000;
  return unit === 'ms' ? value : undefined;
}

/** @throws Error that says how it is written */
export function parseThreshold(text: string): Threshold {
  const [, metric = '', kind, operator = '', value = '', unit] = FORM.exec(text) ?? [];
  const bound = KNOWN.includes(metric) ? boundOf(metric, Number(value), unit) : undefined;
  if (bound === undefined)
    throw new Error(
      `"${text}" is no threshold: write p99<50ms, errors<1% or rate>=200; there are ${KNOWN.join(', ')}, times in ms or s`,
    );
  return { text: text.trim(), metric, kind, operator: operator as Threshold['operator'], bound };
}

/** One a line, `#` begins a comment. @throws Error of the first line that is none */
export const parseThresholds = (file: string): Threshold[] =>
  file
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '')
    .map(parseThreshold);

function valueOf({ metric, kind }: Threshold, step: StepResult): number | null {
  const own = kind === undefined ? step : step.kinds.find(({ name }) => name === kind);
  if (!own) return null;
  if (metric === 'errors') return own.sent === 0 ? null : (own.sent - own.succeeded) / own.sent;
  if (metric === 'refused') return step.sent === 0 ? null : step.refused / step.sent;
  if (metric === 'rate') return kind === undefined ? step.answered_per_s : own.succeeded / step.seconds;
  if (metric === 'late') return step.generator.late.p99_ms;
  return own.latency[PERCENTILES[metric] ?? 'p99_ms'];
}

function holds({ operator, bound }: Threshold, value: number): boolean {
  switch (operator) {
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '>':
      return value > bound;
    case '>=':
      return value >= bound;
  }
}

/** Of nothing, as where no request was answered, no threshold is met. */
export function judge(thresholds: readonly Threshold[], step: StepResult): Verdict[] {
  return thresholds.map((threshold) => {
    const value = valueOf(threshold, step);
    return { threshold: threshold.text, step: step.name, value, met: value !== null && holds(threshold, value) };
  });
}
