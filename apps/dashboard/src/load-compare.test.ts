import assert from 'node:assert/strict';
import { test } from 'node:test';

import { changeOf, earlierLike, lineOf } from './load-compare.ts';
import type { LoadRun, LoadStep } from './types.ts';

const step = (name: string, more: Partial<LoadStep> = {}): LoadStep => ({
  name,
  offered_per_s: 50,
  answered_per_s: 50,
  sent: 100,
  failed: 1,
  p50_ms: 4,
  p90_ms: 6,
  p99_ms: 9,
  p999_ms: 9,
  max_ms: 9,
  late_p99_ms: 1,
  ...more,
});
const run = (id: string, more: Partial<LoadRun> = {}): LoadRun => ({
  id,
  state: 'done',
  started_at: '2026-01-01T00:00:00.000Z',
  asked: { model: 'simple', priority: 'normal', rate: 50, clients: null, seconds: 5 },
  error: null,
  steps: [step('50/s')],
  knee: null,
  notes: [],
  now: null,
  ...more,
});

test('a run is a line: what was asked, and what came of it', () => {
  assert.deepEqual(lineOf(run('a')), { what: 'simple: 50/s, 5 s', answered: 50, p50: 4, p99: 9, errors: 0.01 });
  const search = run('b', {
    asked: { model: 'simple', priority: 'high', rate: null, clients: null, seconds: 5 },
    steps: [step('32 clients', { answered_per_s: 900, p50_ms: 30 }), step('50 % of capacity', { p50_ms: 5 })],
  });
  assert.deepEqual(lineOf(search), {
    what: 'simple, high: capacity, 5 s',
    answered: 900,
    p50: 5,
    p99: 9,
    errors: 0.01,
  });
  assert.equal(lineOf(run('c', { steps: [] })).errors, null);
});

test('it is compared with the last one that asked the same and came to its end', () => {
  const other = run('other', { asked: { ...run('x').asked, rate: 60 } });
  const runs = [run('now'), other, run('stopped', { state: 'stopped' }), run('before')];
  assert.equal(earlierLike(runs, 0)?.id, 'before');
  assert.equal(earlierLike(runs, 1), undefined);
});

test('a change is better or worse by what it is of, and noise is neither', () => {
  assert.deepEqual(changeOf(12, 10, true), { text: '+20 %', level: 'worse' });
  assert.deepEqual(changeOf(12, 10, false), { text: '+20 %', level: 'better' });
  assert.deepEqual(changeOf(9, 10, true), { text: '−10 %', level: 'better' });
  assert.equal(changeOf(10.2, 10, true)?.level, 'same');
  assert.equal(changeOf(10, null, true), undefined);
});
