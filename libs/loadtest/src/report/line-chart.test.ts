import assert from 'node:assert/strict';
import { test } from 'node:test';

import { drawCharts } from './line-chart.ts';

test('a chart is one SVG that needs nothing else; what is not finite is left out', () => {
  const svg = drawCharts([
    {
      title: 'a < b',
      xLabel: 'x',
      xTicks: [1, 10, 100],
      yTicks: [0, 1],
      logY: false,
      lines: [
        {
          label: 'one',
          points: [
            [1, 0],
            [10, 0.5],
            [100, Number.NaN],
          ],
        },
      ],
    },
  ]);
  assert.match(svg, /^<svg [^>]*>[\s\S]*<\/svg>\n$/);
  assert.match(svg, /a &lt; b/);
  assert.equal(svg.match(/<circle/g)?.length, 2);
  assert.doesNotMatch(svg, /NaN|href|url\(/);
  // Halfway up, and halfway to the right on a logarithmic axis.
  assert.match(svg, /<polyline points="52\.0,246\.0 218\.0,141\.0"/);
});

test('an axis to the right may be linear', () => {
  const line = { label: 'one', points: [[0, 0] as const, [5, 0.5] as const, [10, 1] as const] };
  const svg = drawCharts([
    { title: 't', xLabel: 'x', xTicks: [0, 10], yTicks: [0, 1], logX: false, logY: false, lines: [line] },
  ]);
  assert.match(svg, /<polyline points="52\.0,246\.0 218\.0,141\.0 384\.0,36\.0"/);
});
