import assert from 'node:assert/strict';
import { test } from 'node:test';

import { closedStep, rampStep, stepsAround, steadyStep } from './make-steps.ts';
import { parseTrace } from './trace.ts';

const lengths = { warmupS: 1, seconds: 10 };

test('steps say in their name what they send, and have their warm-up before', () => {
  assert.deepEqual(steadyStep(50, 'poisson', lengths), {
    name: '50/s',
    mode: 'open',
    arrivals: 'poisson',
    warmupS: 1,
    stretches: [{ from: 50, to: 50, seconds: 11 }],
  });
  const ramp = rampStep(10, 100, 'constant', lengths);
  assert.equal(ramp.name, '10/s to 100/s');
  assert.deepEqual(ramp.mode === 'open' && ramp.stretches, [
    { from: 10, to: 10, seconds: 1 },
    { from: 10, to: 100, seconds: 10 },
  ]);
  assert.equal(closedStep(1, lengths).name, '1 client');
});

test('a sweep goes from a quarter of the capacity to beyond it', () => {
  const rates = stepsAround(200, 'constant', lengths).map((step) => step.mode === 'open' && step.stretches[0]?.from);
  assert.deepEqual(rates, [50, 100, 150, 180, 220]);
});

test('a trace is read as lines of numbers or of JSON, put in order, and begins at 0', () => {
  const trace = parseTrace('at_ms,kind\n1000,a\n# a pause\n1500\n{"at_ms":1200,"kind":"b"}\n');
  assert.deepEqual(trace, { timesMs: [0, 200, 500], kinds: ['a', 'b', undefined] });
  assert.throws(() => parseTrace('10\nnothing\n'), /line 2 of the trace/);
  assert.throws(() => parseTrace('-5\n'), /line 1 of the trace/);
  assert.throws(() => parseTrace('{"at_ms":\n'), /line 1 of the trace/);
  assert.throws(() => parseTrace('\n'), /no arrivals/);
});
