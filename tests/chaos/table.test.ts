import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Verdict } from './history.ts';
import { betweenMarks, figuresTable, markdownTable } from './table.ts';

const verdict: Verdict = { violations: [], jobs: 10, answered: 4, runAgain: 1 };

const run = { fault: 'killed', verdict, inWindow: 3, reruns: [], stalls: [], figures: {} };

test('the runs of a fault are one line: counts added up, the middle and the longest recovery', () => {
  const table = markdownTable([
    { ...run, recoveryMs: 30, reruns: [700, 100] },
    { ...run, recoveryMs: 10, stalls: [300], reruns: [200] },
    {
      ...run,
      verdict: { ...verdict, violations: ['lost', 'unended', 'changed'].map((kind) => ({ kind, what: '' })) as never },
      recoveryMs: 20,
    },
  ]);
  const [head = '', , line = '', rest] = table.split('\n').map((one) => one.replaceAll(/ +/g, ' '));
  const cells = (text: string): string[] => text.split('|').map((cell) => cell.trim());
  const values = Object.fromEntries(cells(head).map((title, i) => [title, cells(line)[i]]));
  assert.equal(rest, '');
  assert.deepEqual(
    ['fault', 'runs', 'jobs', 'lost', 'wrong', 'duplicated', 'other', 'run again', 'stalls'].map((key) => values[key]),
    ['killed', '3', '30', '1', '1', '0', '1', '3', '1'],
  );
  assert.deepEqual(values['in window'], '9');
  assert.deepEqual(cells(head).slice(-7), [
    'run again',
    'after p50',
    'max (ms)',
    'stalls',
    'recovery p50',
    'max (ms)',
    '',
  ]);
  assert.deepEqual(cells(line).slice(-7), ['3', '200', '700', '1', '20', '30', '']);
  assert.match(markdownTable([{ ...run, recoveryMs: 5 }]), /– \| +– \| +0 \| +5 \| +5 \|/);
});

test('what was measured beside is told over all runs', () => {
  const table = figuresTable([
    { ...run, recoveryMs: 1, figures: { exit: [30, 10] } },
    { ...run, recoveryMs: 1, figures: { exit: [20.4], rate: [98] } },
  ]);
  const lines = table.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  assert.deepEqual(lines.slice(2), ['| exit | 3 | 20 | 30 |', '| rate | 1 | 98 | 98 |', '']);
});

test('a page keeps what stands around the marks', () => {
  const page = 'before\n<!-- chaos: begin -->\nold\n<!-- chaos: end -->\nafter\n';
  const once = betweenMarks(page, 'new');
  assert.equal(once, 'before\n<!-- chaos: begin -->\n\nnew\n\n<!-- chaos: end -->\nafter\n');
  assert.equal(betweenMarks(once, 'new'), once);
  assert.equal(betweenMarks('', 'new'), 'new\n');
});
