/** An alert in words. Pure. */
import type { Notice, Raised } from './alert-state.ts';
import { RULES } from './thresholds.ts';

/** "the number of waiting jobs is 620, above 500: critical" */
export function alertSentence(metric: string, { severity, value }: Pick<Raised, 'severity' | 'value'>): string {
  const rule = RULES.find((one) => one.metric === metric);
  if (!rule) return `${metric} is ${value}: ${severity}`;
  const side = rule.lowerIsWorse ? 'below' : 'above';
  return `${rule.name} is ${rule.write(value)}, ${side} ${rule.write(rule.thresholds[severity])}: ${severity}`;
}

export function noticeSentence(metric: string, { what, alert }: Notice): string {
  const sentence = alertSentence(metric, alert);
  if (what === 'over') return `over: ${sentence}`;
  return what === 'repeated' ? `still: ${sentence}` : sentence;
}
