/**
 * Capacity planning against a real run: the p99 that the simulation predicts from the latency table of a worker, and the one
 * that the same requests at the same times meet. The aim is 20 %.
 */
import { closedStep, steadyStep } from '@batchyard/loadtest/plan/make-steps';
import type { LoadPlan } from '@batchyard/loadtest/plan/load-plan';
import { planCapacity } from '@batchyard/loadtest/run-capacity';
import { openSystem, readTarget } from '@batchyard/loadtest/system/ask-system';

import { runOwnGenerator } from '../load/own-generator.ts';
import { ROW_SHAPE } from '../model-rows.ts';
import type { Stage } from '../stage.ts';
import { median } from '../statistics.ts';

const MODEL = 'heavy';
const SHARES = [0.4, 0.7];
const CLIENTS = 32;
const signal = new AbortController().signal;

export async function runCapacitySuite(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const { rounds, seconds, warmupS } = plan.capacity;
  const served = await stage.batchyard(MODEL);
  const target = readTarget(`http://127.0.0.1:${served.port}`, undefined);
  const system = openSystem(target, readTarget(served.ops, undefined));
  const inputs = [{ name: 'INPUT', datatype: 'FP32', shape: [1, ...ROW_SHAPE[MODEL]] }] as const;
  const kind = { model: MODEL, inputs };
  // Every size that comes up has been run lately, and not by the warm-up alone.
  const pushed = await runOwnGenerator({
    port: served.port,
    kind,
    step: closedStep(CLIENTS, { warmupS: 1, seconds: warmupS }),
  });
  for (const share of SHARES) {
    const name = `capacity.${MODEL}.${Math.round(100 * share)}_percent`;
    const rate = Math.round(share * pushed.answered_per_s);
    const off: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const step = steadyStep(rate, 'poisson', { warmupS: 1, seconds });
      if (step.mode !== 'open') throw new Error('a steady step is an open loop');
      const whole: LoadPlan = {
        target,
        kinds: [{ ...kind, name: MODEL, version: undefined, priority: 'normal', weight: 1, form: 'json' }],
        repeats: 0,
        timeoutMs: 10_000,
        maxConnections: 512,
        generators: 1,
        seed: 1 + round,
        stampFrom: Date.now() % 1e9,
      };
      const asked = {
        plan: whole,
        step,
        rows: 1,
        workers: undefined,
        wanted: undefined,
        overhead: undefined,
        check: true,
      };
      const { checked } = await planCapacity(asked, { system, signal });
      if (!checked || checked.p99_ms === null || checked.off === null) throw new Error(`${name}: nothing was answered`);
      figures.record(`${name}.predicted_p99_ms`, 'ms', checked.predicted.p99_ms ?? Number.NaN);
      figures.record(`${name}.measured_p99_ms`, 'ms', checked.p99_ms);
      off.push(checked.off);
    }
    figures.record(`${name}.off`, 'x', median(off));
    say(`${name}: at ${rate}/s the predicted p99 is off by ${(100 * median(off)).toFixed(0)} %`);
  }
  await served.stop();
}
