import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { SupervisorReport } from '@batchyard/shared/contract/scaling';

import { createAutoscaler, DOWN, shareWorkers, UP, workersFor, type ScaleFacts } from './decide-scale.ts';

const BUSY: ScaleFacts = { utilisation: 0.95, pressure: 2 };
const IDLE: ScaleFacts = { utilisation: 0, pressure: 0 };
const BETWEEN: ScaleFacts = { utilisation: 0.5, pressure: 0.3 };
const supervisor = (id: string, workers: number, [min, max] = [1, 4], auto = true) => ({
  report: { id, host: id, workers, range: { min, max, auto } } satisfies SupervisorReport,
  wish: undefined,
});

/** Looks once a second at what `facts` says of each; the supervisors follow at once. */
function run(seconds: number, facts: (second: number) => ScaleFacts, fleet = [supervisor('a', 1)]) {
  const autoscaler = createAutoscaler();
  const steps: { second: number; supervisor: string; from: number; to: number; reason: string }[] = [];
  let now = fleet;
  for (let second = 0; second < seconds; second += 1) {
    const decision = autoscaler.look([facts(second)], now, second * 1_000);
    if (!decision) continue;
    steps.push({ second, ...decision });
    now = now.map((one) =>
      one.report.id === decision.supervisor ? { ...one, report: { ...one.report, workers: decision.to } } : one,
    );
  }
  return steps;
}

test('it grows by one after the hold time, again after the pause, and no further than the most', () => {
  const steps = run(60, () => BUSY);
  assert.deepEqual(
    steps.map(({ second, to }) => [second, to]),
    [
      [UP.holdMs / 1000, 2],
      [(UP.holdMs + UP.pauseMs) / 1000, 3],
      [(UP.holdMs + 2 * UP.pauseMs) / 1000, 4],
    ],
  );
  assert.equal(steps[0]?.reason, 'workers 95 % busy, predicted wait 200 % of its SLA for 3 s');
});

test('it shrinks slowly, to the least, and does nothing in between, or where only one of the two is high', () => {
  const shrinking = run(120, () => IDLE, [supervisor('a', 3)]);
  assert.deepEqual(
    shrinking.map(({ second, to }) => [second, to]),
    [
      [15, 2],
      [30, 1],
    ],
  );
  for (const facts of [BETWEEN, { ...BUSY, pressure: 0.5 }, { ...BUSY, utilisation: 0.8 }, { ...IDLE, pressure: 0.1 }])
    assert.deepEqual(
      run(120, () => facts, [supervisor('a', 2)]),
      [],
    );
});

test('one model in need is enough to grow, and all must be idle to shrink', () => {
  const after = (queues: readonly ScaleFacts[], seconds: number) => {
    const autoscaler = createAutoscaler();
    const looks = Array.from({ length: seconds + 1 }, (_, second) =>
      autoscaler.look(queues, [supervisor('a', 2)], second * 1_000),
    );
    return looks.at(-1)?.to;
  };
  assert.equal(after([IDLE, BUSY, IDLE], 3), 3);
  assert.equal(after([IDLE, BETWEEN], 15), undefined);
  assert.equal(after([IDLE, IDLE], 15), 1);
  // Busy with one, waiting in another: neither is in need.
  assert.equal(
    after(
      [
        { utilisation: 0.9, pressure: 0 },
        { utilisation: 0.1, pressure: 2 },
      ],
      3,
    ),
    undefined,
  );
});

test('one look without pressure begins the hold time again', () => {
  assert.deepEqual(
    run(60, (second) => (second % 3 === 2 ? BETWEEN : BUSY)),
    [],
  );
});

test('whatever comes: one step at a time, within the range, pauses kept, and no way back within a window', () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let turn = 0; turn < 200; turn += 1) {
    let facts = BETWEEN;
    const next = (): ScaleFacts => {
      if (random() < 0.1) facts = [BUSY, IDLE, BETWEEN][Math.floor(random() * 3)] ?? BETWEEN;
      return facts;
    };
    const steps = run(400, next, [
      supervisor('a', 2, [1, 5]),
      supervisor('b', 1, [1, 3]),
      supervisor('c', 2, [1, 9], false),
    ]);
    for (const [i, { second, supervisor: id, from, to }] of steps.entries()) {
      assert.equal(Math.abs(to - from), 1);
      assert.ok(to >= 1 && to <= (id === 'a' ? 5 : 3) && id !== 'c', `${id} ${to}`);
      const before = steps[i - 1];
      if (before) assert.ok((second - before.second) * 1_000 >= (to > from ? UP : DOWN).pauseMs);
    }
  }
});

test('the machine with the fewest workers grows first, and what a person has asked for is left alone', () => {
  assert.equal(run(4, () => BUSY, [supervisor('a', 2), supervisor('b', 1)])[0]?.supervisor, 'b');
  const wish = { count: 1, by: 'hand', reason: '' } as const;
  const held = [{ ...supervisor('a', 1), wish }];
  const autoscaler = createAutoscaler();
  for (let nowMs = 0; nowMs < 60_000; nowMs += 1_000) assert.equal(autoscaler.look([BUSY], held, nowMs), undefined);
});

test('a number is shared evenly within the bounds, or refused', () => {
  const reports = [supervisor('a', 1, [1, 8]), supervisor('b', 1, [1, 2])].map(({ report }) => report);
  assert.deepEqual(
    [...(shareWorkers(5, reports) ?? [])],
    [
      ['a', 3],
      ['b', 2],
    ],
  );
  assert.deepEqual(
    [...(shareWorkers(2, reports) ?? [])],
    [
      ['a', 1],
      ['b', 1],
    ],
  );
  assert.equal(shareWorkers(1, reports), undefined);
  assert.equal(shareWorkers(11, reports), undefined);
});

test('desired workers follow what runs and what waits', () => {
  assert.equal(workersFor({ ranPerMs: 0.7, waitingRows: 0, workerRowsPerMs: 1 }), 1);
  assert.equal(workersFor({ ranPerMs: 0.7, waitingRows: 7_000, workerRowsPerMs: 1 }), 2);
  assert.equal(workersFor({ ranPerMs: 5, waitingRows: 5, workerRowsPerMs: 0 }), 0);
});
