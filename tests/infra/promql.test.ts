/** The readers that the tests of rules and dashboard lean on: what they find, and that they find what is wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { layoutProblems, type Panel } from './dashboard.ts';
import { askedBy } from './promql.ts';
import { parseRules } from './rule-files.ts';
import { addRecord, addText, labelsOf, problemsOf, type Series } from './series.ts';

test('selectors, matchers, groupings and joins of an expression', () => {
  const asked = askedBy(
    'histogram_quantile(0.95, sum by (class, le) (rate(a_bucket{model=~"x|y",s!="b\\"}"}[5m]))) / on (job) b:c > bool 1.5',
  );
  assert.deepEqual(asked.selectors, [
    {
      metric: 'a_bucket',
      matchers: [
        { label: 'model', op: '=~', value: 'x|y' },
        { label: 's', op: '!=', value: 'b\\"}' },
      ],
    },
    { metric: 'b:c', matchers: [] },
  ]);
  assert.deepEqual(asked.groupings, [
    { kind: 'by', labels: ['class', 'le'], metrics: ['a_bucket'] },
    { kind: 'on', labels: ['job'], metrics: ['a_bucket', 'b:c'] },
  ]);
  assert.deepEqual(asked.kept, ['class', 'le']);
});

test('what it does not know it refuses', () => {
  for (const expression of ['a ~ b', '{job="x"}', 'sum(a) by (b)', 'sum by (b) (a', 'rate(a[5m'])
    assert.throws(() => askedBy(expression), Error, expression);
});

function exampleSeries(): Series {
  const series: Series = new Map();
  addText(series, 'app', '# TYPE a_total counter\na_total{model="m",state="up"} 1\nb 2\n');
  addRecord(series, {
    name: 'x:a',
    expression: 'sum by (model) (rate(a_total[1m]))',
    labels: new Map([['of', 'jobs']]),
  });
  return series;
}

test('a metric, label or value that nobody tells is found', () => {
  const series = exampleSeries();
  const good = [
    'sum by (model, job) (rate(a_total{state="up",model=~".*"}[1m]))',
    'x:a{of="jobs"} / on (model) x:a',
    'b',
  ];
  for (const expression of [...good, 'up{job="app"} == 0'])
    assert.deepEqual(problemsOf(series, expression), [], expression);
  assert.deepEqual(problemsOf(series, 'rate(c_total[1m])'), ['nobody tells c_total']);
  assert.deepEqual(problemsOf(series, 'a_total{class="x"}'), ['a_total has no label class']);
  assert.deepEqual(problemsOf(series, 'a_total{state=~"up|dwon"}'), ['a_total has no state="dwon"']);
  assert.deepEqual(problemsOf(series, 'sum by (class) (a_total + b)'), [
    'a_total has no label class',
    'b has no label class',
  ]);
  assert.deepEqual(problemsOf(series, 'x:a{state="up"}'), ['x:a has no label state']);
  assert.deepEqual(problemsOf(series, 'up{job="other"}'), ['up has no job="other"']);
  assert.deepEqual(problemsOf(series, 'vector(1)'), ['it asks for nothing']);
});

test('the labels of a result are those of its outermost aggregation', () => {
  const series = exampleSeries();
  assert.deepEqual(labelsOf(series, 'histogram_quantile(0.5, sum by (model, le) (a_total))'), ['model']);
  assert.deepEqual(labelsOf(series, 'sum(max by (model) (a_total))'), []);
  assert.deepEqual(labelsOf(series, 'sum(a_total)'), []);
  assert.deepEqual(labelsOf(series, 'x:a > 1'), ['model', 'of']);
});

test('a rule file is read whole or not at all', () => {
  const text = `groups:
  - name: g
    rules:
      # why
      - alert: A
        expr: |
          a
            > 1
        for: 1m
        labels:
          severity: warning
        annotations:
          summary: "it is \\"bad\\""
`;
  const [rule] = parseRules(text);
  assert.equal(rule?.expression, 'a\n> 1');
  assert.deepEqual([...(rule?.labels ?? [])], [['severity', 'warning']]);
  assert.deepEqual([...(rule?.annotations ?? [])], [['summary', 'it is "bad"']]);
  assert.throws(() => parseRules(text.replace('for: 1m', 'keep: 1m')), /line 9 is not understood/);
});

test('panels that overlap, reach out or share an id are found', () => {
  const panel = (id: number, x: number): Panel => ({
    id,
    type: 'stat',
    title: `${id}@${x}`,
    gridPos: { x, y: 0, w: 8, h: 4 },
  });
  assert.deepEqual(layoutProblems([panel(1, 0), panel(2, 8), panel(3, 16)]), []);
  assert.deepEqual(layoutProblems([panel(1, 0), panel(2, 4)]), ['1@0 and 2@4 overlap']);
  assert.deepEqual(layoutProblems([panel(1, 0), panel(1, 8)]), ['1@0 and 1@8 have the same id']);
  assert.deepEqual(layoutProblems([panel(1, 20)]), ['1@20 is wider than the dashboard']);
});
