import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DEFAULT_WEIGHTS } from '@batchyard/shared/contract/balancer';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createBalance } from './balance.ts';

const SETTINGS = { strategy: 'adaptive', weights: DEFAULT_WEIGHTS } as const;
const latency = [
  { rows: 1, p50_ms: 5, p99_ms: 6 },
  { rows: 16, p50_ms: 20, p99_ms: 25 },
];
type Did = { rows?: number; succeeded?: number; failed?: number; ms?: number; load?: number };
const beat = (id: string, { rows = 0, succeeded = 0, failed = 0, ms = 5, load = 0 }: Did = {}) => ({
  heartbeat: {
    id,
    token: `${id}:1`,
    state: 'serving',
    load,
    response_ms: ms,
    models: [
      {
        queue: 'm@1',
        latency,
        rows,
        succeeded,
        failed,
        response_ms: ms,
        recent: Array.from({ length: 5 }, () => ({ rows: 1, ms })),
      },
    ],
  } as unknown as Heartbeat,
  silentMs: 100,
});
const none = new Map();

test('a worker whose jobs fail gets probes only, the others serve', () => {
  const balance = createBalance();
  balance.look([beat('a'), beat('b')], 0);
  balance.look([beat('a', { succeeded: 100 }), beat('b', { failed: 10 })], 1_000);
  const { directives, lines } = balance.decide(SETTINGS, none);
  assert.equal(directives.get('a')?.kind, 'serve');
  assert.deepEqual(directives.get('b'), {
    kind: 'probe',
    every_ms: 1_000,
    max_jobs: 1,
    reason: "gets probes only: 0 % of its jobs succeed, 100 % of the others'",
  });
  assert.deepEqual(
    lines.map(({ health, success }) => [health, success]),
    [
      ['healthy', 1],
      ['unhealthy', 0],
    ],
  );
});

test('where the healthy ones are drained the failing serve: better than nobody', () => {
  const balance = createBalance();
  balance.look([beat('a'), beat('b')], 0);
  balance.look([beat('a', { succeeded: 100 }), beat('b', { failed: 10 })], 1_000);
  const { directives } = balance.decide(SETTINGS, new Map([['a', { exit: false, reason: 'by hand' }]]));
  assert.deepEqual([directives.get('a')?.kind, directives.get('b')?.kind], ['drain', 'serve']);
});

test('a worker that turns slow rests at once, and takes again at once when its runs are fast', () => {
  const balance = createBalance();
  const takes = (ms: number): unknown => {
    balance.look([beat('a'), beat('b', { ms })], 0);
    const directive = balance.decide(SETTINGS, none).directives.get('b');
    return directive?.kind === 'serve' ? directive.takes : directive;
  };
  assert.deepEqual(takes(5), {});
  assert.deepEqual(takes(25), { 'm@1': { rest_ms: 40, max_jobs: 3, probe_ms: 10_000 } });
  assert.deepEqual(takes(5), {});
});

test('a busy worker keeps its place among those that take: load alone changes no order', () => {
  const balance = createBalance();
  let [a, b] = [0, 0];
  const resting = (loads: [number, number]): string | undefined => {
    balance.look([beat('a', { rows: a, load: loads[0] }), beat('b', { rows: b, load: loads[1] })], (a + b) / 0.5);
    const { directives } = balance.decide(SETTINGS, none);
    return ['a', 'b'].find((id) => {
      const directive = directives.get(id);
      return directive?.kind === 'serve' && directive.takes['m@1']?.rest_ms;
    });
  };
  resting([0, 0]);
  for (let s = 0; s < 5; s += 1) {
    a += 500;
    resting([0.5, 0.5]);
  }
  const first = resting([0.5, 0.5]);
  a += 500;
  assert.ok(first);
  assert.equal(resting(first === 'a' ? [0, 1] : [1, 0]), first);
});

test('shares are those of the rows of the last ten seconds, and a drained or silent worker is shown as what it is', () => {
  const balance = createBalance();
  balance.look([beat('a'), beat('b')], 0);
  balance.look([beat('a', { rows: 30 }), { ...beat('b', { rows: 10 }), silentMs: 12_000 }], 1_000);
  const { lines } = balance.decide({ ...SETTINGS, strategy: 'round_robin' }, none);
  assert.deepEqual(
    lines.map(({ share, health }) => [share, health]),
    [
      [0.75, 'healthy'],
      [0.25, 'lost'],
    ],
  );
});
