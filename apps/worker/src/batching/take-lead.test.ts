import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { createTakeLead } from './take-lead.ts';

test('the lead starts small, grows by half of each idle time, and goes back while there is none', () => {
  const lead = createTakeLead();
  assert.equal(lead.ms(60), 1.5);
  lead.idled(4);
  assert.equal(lead.ms(60), 3.5);
  lead.idled(4);
  assert.equal(lead.ms(60), 5.5);
  lead.idled(0);
  assert.ok(Math.abs(lead.ms(60) - 5.335) < 1e-9);
  for (let i = 0; i < 100; i += 1) lead.idled(0);
  assert.equal(lead.ms(60), 1.5);
});

test('the lead is never more than a quarter of the run, but for the least, and never less than the least', () => {
  const step = fc.record({ runMs: fc.double({ min: 0.01, max: 500, noNaN: true }), idle: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const lead = createTakeLead();
      for (const { runMs, idle } of steps) {
        const ms = lead.ms(runMs);
        assert.ok(ms >= 1.5 && ms <= Math.max(1.5, runMs / 4));
        lead.idled(idle);
      }
    }),
  );
});

test('with runs of uneven length it settles where the session is hardly ever idle', () => {
  // The length of a run and the time of a take vary; the sequence repeats.
  const runs = [62, 66, 60, 70, 65, 61, 68, 63];
  const takes = [2, 3, 5, 2, 4, 3, 2, 6];
  const idleOf = (leadOf: (runMs: number) => number, told: (ms: number) => void): number => {
    let idle = 0;
    for (let i = 0; i < 800; i += 1) {
      const run = runs[i % runs.length] ?? 0;
      const ready = Math.min(run, 65 - leadOf(65)) + (takes[(3 * i) % takes.length] ?? 0);
      const waited = Math.max(0, ready - run);
      told(waited);
      if (i >= 400) idle += waited;
    }
    return idle;
  };
  const lead = createTakeLead();
  const adaptive = idleOf(lead.ms, lead.idled);
  const fixed = idleOf(
    () => 1.5,
    () => undefined,
  );
  assert.ok(adaptive < fixed / 3, `${adaptive} against ${fixed}`);
});
