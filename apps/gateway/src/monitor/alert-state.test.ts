import assert from 'node:assert/strict';
import { test } from 'node:test';

import { alertStateSchema, type AlertState } from '@batchyard/shared/contract/sample';
import fc from 'fast-check';

import { CLEAR_MS, HOLD_MS, isBad, RETELL_MS, stepAlert, type Notice } from './alert-state.ts';

const DEPTH = { metric: 'depth', thresholds: { warning: 100, critical: 500 }, lowerIsWorse: false };
const HITS = { metric: 'hits', thresholds: { warning: 0.7, critical: 0.5 }, lowerIsWorse: true };
const SECOND = 1_000;
const START = 1_700_000_000_000;

type Told = Notice & { readonly atMs: number };

/** One value a second; @returns what was told, and the states after each. */
function run(rule: typeof DEPTH, values: readonly (number | undefined)[], handOver = false) {
  const told: Told[] = [];
  const states: (AlertState | undefined)[] = [];
  let state: AlertState | undefined;
  values.forEach((value, i) => {
    const atMs = START + i * SECOND;
    // Another gateway has it from Redis.
    const from = handOver && state ? alertStateSchema.parse(JSON.parse(JSON.stringify(state))) : state;
    const step = stepAlert(rule, from, value, atMs);
    state = step.state;
    states.push(state);
    told.push(...step.notices.map((notice) => ({ ...notice, atMs })));
  });
  return { told, states };
}
const times = (n: number, value: number | undefined): (number | undefined)[] => Array.from({ length: n }, () => value);
const words = (told: readonly Told[]): string[] =>
  told.map(({ what, alert, atMs }) => `${(atMs - START) / SECOND} ${what} ${alert.severity}`);

test('raised after the hold time, over after a longer calm, and a short peak is nothing', () => {
  assert.deepEqual(words(run(DEPTH, [...times(4, 200), ...times(30, 0)]).told), []);
  const { told, states } = run(DEPTH, [...times(10, 200), ...times(30, 0)]);
  assert.deepEqual(words(told), ['5 raised warning', '25 over warning']);
  assert.equal(told[0]?.alert.since_ms, START);
  assert.equal(states.at(-1)?.raised, undefined);
});

test('between the threshold and its margin it stays raised', () => {
  assert.deepEqual(words(run(DEPTH, [...times(10, 200), ...times(100, 95)]).told), ['5 raised warning']);
  assert.deepEqual(words(run(HITS, [...times(10, 0.6), ...times(100, 0.72)]).told), ['5 raised warning']);
  assert.deepEqual(words(run(HITS, [...times(10, 0.6), ...times(20, 0.8)]).told), [
    '5 raised warning',
    '25 over warning',
  ]);
});

test('what gets worse is told at once, and both are over once', () => {
  const { told, states } = run(DEPTH, [...times(10, 200), ...times(10, 600), ...times(20, 200), ...times(30, 0)]);
  assert.deepEqual(words(told), ['5 raised warning', '15 repeated critical', '55 over warning']);
  assert.equal(new Set(told.map(({ alert }) => alert.id)).size, 1);
  assert.equal(states[39]?.raised?.severity, 'warning');
});

test('what falls back to a warning that nobody was told of is told as that', () => {
  const { told } = run(DEPTH, [...times(10, 800), ...times(30, 200), ...times(30, 0)]);
  assert.deepEqual(words(told), ['5 raised critical', '25 repeated warning', '55 over warning']);
  assert.deepEqual(words(run(DEPTH, [...times(10, 800), ...times(30, 95), ...times(30, 0)]).told), [
    '5 raised critical',
    '55 over warning',
  ]);
});

test('told again every five minutes, unless acknowledged', () => {
  const long = times(700, 200);
  assert.deepEqual(words(run(DEPTH, long).told), ['5 raised warning', '305 repeated warning', '605 repeated warning']);
  const { states } = run(DEPTH, times(10, 200));
  const state = states.at(-1);
  assert.ok(state?.raised);
  const acknowledged = { ...state, raised: { ...state.raised, acknowledged_ms: START } };
  assert.deepEqual(stepAlert(DEPTH, acknowledged, 200, START + 2 * RETELL_MS).notices, []);
  // Worse than what was acknowledged is news.
  const worse = { ...acknowledged, critical_since_ms: START };
  assert.equal(stepAlert(DEPTH, worse, 900, START + HOLD_MS).notices[0]?.alert.severity, 'critical');
});

test('one that flaps is told once in five minutes', () => {
  const flap = Array.from({ length: 20 }, () => [...times(10, 200), ...times(20, 0)]).flat();
  assert.deepEqual(words(run(DEPTH, flap).told), [
    '5 raised warning',
    '25 over warning',
    '305 raised warning',
    '325 over warning',
  ]);
});

test('nothing measured is calm, and a metric that says nothing has no state', () => {
  assert.deepEqual(words(run(DEPTH, [...times(10, 200), ...times(20, undefined)]).told), [
    '5 raised warning',
    '25 over warning',
  ]);
  assert.deepEqual(run(DEPTH, times(5, 1)).states, times(5, undefined));
});

const history = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom(0, 92, 150, 470, 800, undefined)), { maxLength: 60 })
  .map((parts) => parts.flatMap(([n, value]) => times(n, value)));

test('of any history: the rules hold, and handing the state over in the middle changes nothing', () => {
  fc.assert(
    fc.property(history, (values) => {
      const { told, states } = run(DEPTH, values);
      assert.deepEqual(run(DEPTH, values, true).told, told);
      const last = new Map<string, number>();
      for (const { what, alert, atMs } of told) {
        const at = (atMs - START) / SECOND;
        const own = values.slice(Math.max(0, at - CLEAR_MS / SECOND), at + 1);
        if (what === 'over') {
          assert.ok(own.length > CLEAR_MS / SECOND && own.every((value) => !isBad(DEPTH, alert.severity, value)));
          assert.ok(told.some((one) => one.alert.id === alert.id && one.what !== 'over' && one.atMs < atMs));
          continue;
        }
        assert.ok(isBad(DEPTH, alert.severity, values[at]));
        assert.ok(atMs - (last.get(alert.severity) ?? -Infinity) >= RETELL_MS);
        last.set(alert.severity, atMs);
      }
      const overs = told.filter(({ what }) => what === 'over').map(({ alert }) => alert.id);
      assert.equal(new Set(overs).size, overs.length);
      // Raised of what has been bad for the hold time, and of all of that.
      values.forEach((_value, i) => {
        const held = values.slice(Math.max(0, i - HOLD_MS / SECOND), i + 1);
        const bad = held.length > HOLD_MS / SECOND && held.every((value) => isBad(DEPTH, 'warning', value));
        if (bad) assert.ok(states[i]?.raised, `at ${i}`);
        if (states[i]?.raised && !states[i - 1]?.raised) assert.ok(bad, `at ${i}`);
      });
    }),
  );
});
