/** The series that there are, and what an expression asks of them that there is not. */
import { askedBy, type Selector } from './promql.ts';

/** Of each metric its labels, and of each label the values that were seen. */
export type Series = Map<string, Map<string, Set<string>>>;

const add = (series: Series, metric: string, labels: Iterable<readonly [string, string]>): void => {
  const known = series.get(metric) ?? new Map<string, Set<string>>();
  for (const [label, value] of labels) known.set(label, (known.get(label) ?? new Set<string>()).add(value));
  series.set(metric, known);
};

/** Adds what a process tells under `/metrics`, with the labels that Prometheus gives to what it scrapes. */
export function addText(series: Series, job: string, text: string): void {
  const target = [
    ['job', job],
    ['instance', 'one'],
  ] as const;
  for (const [, metric = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const own = Array.from(
      labels.matchAll(/(\w+)="([^"]*)"/g),
      ([, label = '', value = '']) => [label, value] as const,
    );
    add(series, metric, [...own, ...target]);
  }
  add(series, 'up', target);
}

/** What Prometheus itself writes about the alerts of its rules. */
export function addAlerts(series: Series, alerts: readonly string[]): void {
  const states = ['pending', 'firing'].map((state) => ['alertstate', state] as const);
  add(series, 'ALERTS', [...alerts.map((alert) => ['alertname', alert] as const), ...states, ['severity', 'warning']]);
}

/** The labels that the result of an expression has; of several operands, those of the first. */
export function labelsOf(series: Series, expression: string): string[] {
  const { selectors, kept } = askedBy(expression);
  if (kept) return kept.filter((label) => label !== 'le');
  return [...(series.get(selectors[0]?.metric ?? '')?.keys() ?? [])];
}

/** Adds what a recording rule makes. */
export function addRecord(
  series: Series,
  rule: { readonly name: string; readonly expression: string; readonly labels: ReadonlyMap<string, string> },
): void {
  const { selectors } = askedBy(rule.expression);
  const values = (label: string): string[] =>
    selectors.flatMap(({ metric }) => [...(series.get(metric)?.get(label) ?? [])]);
  const inherited = labelsOf(series, rule.expression).flatMap((label) =>
    values(label).map((value) => [label, value] as const),
  );
  add(series, rule.name, [...inherited, ...rule.labels]);
}

/** A value may also be one that a document promises: not all of them come about in a test. */
function valueProblems(series: Series, { metric, matchers }: Selector, promised: (value: string) => boolean): string[] {
  return matchers.flatMap(({ label, value }) => {
    const seen = series.get(metric)?.get(label);
    if (!seen) return [`${metric} has no label ${label}`];
    const literal = value.split('|').filter((one) => /^(?:[\w-]+|\*)$/.test(one));
    return literal.filter((one) => !seen.has(one) && !promised(one)).map((one) => `${metric} has no ${label}="${one}"`);
  });
}

/** @returns what the expression names and nobody tells, a sentence each */
export function problemsOf(series: Series, expression: string, promised = (_value: string) => false): string[] {
  const { selectors, groupings } = askedBy(expression);
  if (selectors.length === 0) return ['it asks for nothing'];
  return [
    ...selectors.flatMap((selector) =>
      series.has(selector.metric) ? valueProblems(series, selector, promised) : [`nobody tells ${selector.metric}`],
    ),
    ...groupings.flatMap(({ labels, metrics }) =>
      metrics.flatMap((metric) =>
        labels
          .filter((label) => series.has(metric) && !series.get(metric)?.has(label))
          .map((label) => `${metric} has no label ${label}`),
      ),
    ),
  ];
}
