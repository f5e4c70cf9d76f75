/** The generator of `batchyard loadtest` at a port of this machine: one step of it. */
import type { StepResult } from '@batchyard/loadtest/judge/load-report';
import type { LoadPlan, RequestKind, Step } from '@batchyard/loadtest/plan/load-plan';
import { runLoadTest } from '@batchyard/loadtest/run-load-test';
import { openSystem, readTarget } from '@batchyard/loadtest/system/ask-system';

export type OwnRun = {
  readonly port: number;
  readonly kind: Pick<RequestKind, 'model' | 'inputs'>;
  readonly step: Step;
  readonly maxConnections?: number;
};

export async function runOwnGenerator({ port, kind, step, maxConnections = 512 }: OwnRun): Promise<StepResult> {
  const target = readTarget(`http://127.0.0.1:${port}`, undefined);
  const form = { version: undefined, priority: 'normal', weight: 1, form: 'json' } as const;
  const plan: LoadPlan = {
    target,
    kinds: [{ ...kind, ...form, name: kind.model }],
    repeats: 0,
    timeoutMs: 10_000,
    maxConnections,
    generators: 1,
    seed: 1,
    stampFrom: Date.now() % 1e9,
  };
  const lengths = { warmupS: 0, seconds: 1 };
  const test = { plan, steps: [step], arrivals: 'constant', lengths, thresholds: [], slo: [], refine: 0 } as const;
  const system = openSystem(target, undefined);
  const { steps } = await runLoadTest(test, { system, watch: {}, signal: new AbortController().signal });
  const [result] = steps;
  if (!result) throw new Error('the step was not run');
  return result;
}
