import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createFigures, figurePage, figuresOfSuite, figureTable } from './figures.ts';

test('a figure is the median of its rounds, and they come by name', () => {
  const figures = createFigures();
  for (const value of [3, 100, 4]) figures.record('b', 'ms', value);
  figures.record('a.c64', '/s', 1);
  figures.record('a.c8', '/s', 2);
  assert.deepEqual(figures.list(), [
    { name: 'a.c8', value: 2, unit: '/s' },
    { name: 'a.c64', value: 1, unit: '/s' },
    { name: 'b', value: 4, unit: 'ms' },
  ]);
});

test('the table is aligned and says which aims are missed', () => {
  const table = figureTable([
    { name: 'queue.attached.jobs_per_s', value: 8123.4, unit: '/s' },
    { name: 'latency.mid.50rps.p99_ms', value: 20.25, unit: 'ms' },
    { name: 'x', value: 0.12345, unit: '' },
  ]);
  assert.deepEqual(table.split('\n'), [
    'queue.attached.jobs_per_s   8123 /s  ≥ 8000',
    'latency.mid.50rps.p99_ms    20.3 ms  ≤ 15   MISSED',
    'x                          0.123',
  ]);
});

test('the aim for the small model scales with what the machine can compute', () => {
  const figures = [
    { name: 'raw.mid.rows_per_s', value: 3950, unit: '/s' },
    { name: 'http.mlp.json.c64.rps', value: 2600, unit: '/s' },
  ];
  assert.match(figureTable(figures), /≥ 2500$/);
});

test('a suite has its own figures and those of onnxruntime alone', () => {
  const figures = ['fill.w1.mean_fill', 'filled.x', 'raw.heavy.gain', 'cost.kept.0.redis_us'].map((name) => ({
    name,
    value: 1,
    unit: '',
  }));
  const names = figuresOfSuite('fill', figures).map(({ name }) => name);
  assert.deepEqual(names, ['fill.w1.mean_fill', 'raw.heavy.gain']);
  const steady = [{ name: 'steady.cores', value: 1, unit: 'cores' }];
  assert.deepEqual(figuresOfSuite('memory', [...figures, ...steady]).slice(-1), steady);
});

test('a page names its command and tells which aims were missed', () => {
  const figures = [{ name: 'queue.attached.jobs_per_s', value: 1, unit: '/s' }];
  const page = figurePage({ command: 'npm run bench', machine: 'a machine', figures });
  assert.match(page, /^Printed by `npm run bench` on a machine\./);
  assert.match(page, /\| `queue\.attached\.jobs_per_s` \| 1 \/s \| ≥ .* \| \*\*missed\*\* \|/);
});
