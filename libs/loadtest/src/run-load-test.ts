/** The story of a load test: try, send each step, look where the server's time went, judge, and say what to mind. */
import { kneeOf, highestWithin } from './judge/knee.ts';
import { FORMAT, type LoadReport, type SecondFigures, type StepResult } from './judge/load-report.ts';
import { notesOf } from './judge/notes.ts';
import { splitOf } from './judge/server-split.ts';
import { judge, type Threshold } from './judge/thresholds.ts';
import type { LoadPlan, Step } from './plan/load-plan.ts';
import { BEYOND, closedStep, stepsAround, steadyStep, type Lengths } from './plan/make-steps.ts';
import type { Arrivals } from './plan/schedule.ts';
import { createCollector } from './send/collect.ts';
import { startGenerators, type Generators, type OpenCounts } from './send/generators.ts';
import type { System } from './system/ask-system.ts';
import { tryKinds } from './system/try-kinds.ts';

export type LoadTest = {
  readonly plan: LoadPlan;
  /** Undefined: the capacity is looked for first, and the steps lie around it. */
  readonly steps: readonly Step[] | undefined;
  readonly arrivals: Arrivals;
  readonly lengths: Lengths;
  /** Each step must meet them. */
  readonly thresholds: readonly Threshold[];
  /** The highest rate that meets them is told. */
  readonly slo: readonly Threshold[];
  /** So many more steps between the last rate that met the SLO and the first that did not. */
  readonly refine: number;
  /** No step around a capacity that was found goes beyond it; absent: none is too high. */
  readonly mostPerS?: number;
};

export type Progress = {
  readonly step: string;
  readonly index: number;
  readonly steps: number;
  readonly seconds: readonly SecondFigures[];
} & OpenCounts;

export type Watcher = {
  /** Several times a second while a step runs. */
  progress?(progress: Progress): void;
  stepDone?(step: StepResult): void;
};

type Parts = { readonly system: System; readonly watch: Watcher; readonly signal: AbortSignal };

/** Enough to fill the batches of one worker. */
const PROBE_CLIENTS = 32;
const PROBE_S = 2.5;

/** Runs single steps on the same generators. */
function createRunner({ plan }: LoadTest, { system, watch, signal }: Parts, generators: Generators) {
  const models = [...new Set(plan.kinds.map(({ model }) => model))];
  return async (step: Step, index: number, steps: number): Promise<StepResult> => {
    const collector = createCollector(step, plan.kinds);
    const before = await system.statistics(models);
    const facts = await generators.run(
      step,
      (outcome) => {
        // What a stopped test gives up is no failure of the system.
        if (!signal.aborted || outcome.status !== 0) collector.add(outcome);
      },
      (open) => watch.progress?.({ step: step.name, index, steps, seconds: collector.seconds(), ...open }),
    );
    const server = splitOf(before, await system.statistics(models));
    const result = { ...collector.result(facts), server };
    watch.stepDone?.(result);
    return result;
  };
}

/** Between the rates of two steps, the middle of their ratio. */
function between(passed: StepResult | undefined, missed: StepResult | undefined): number | undefined {
  const [low, high] = [passed?.offered_per_s, missed?.offered_per_s];
  if (!high || low === null) return undefined;
  return low === undefined ? high / 2 : Math.sqrt(low * high);
}

async function runSteps(test: LoadTest, { signal }: Parts, run: ReturnType<typeof createRunner>) {
  const results: StepResult[] = [];
  let { steps } = test;
  if (!steps) {
    const probe = await run(closedStep(PROBE_CLIENTS, { warmupS: 0.5, seconds: PROBE_S }), 0, 0);
    results.push(probe);
    if (probe.answered_per_s === 0) return results;
    const capacity = Math.min(probe.answered_per_s, (test.mostPerS ?? Number.POSITIVE_INFINITY) / BEYOND);
    steps = stepsAround(capacity, test.arrivals, test.lengths);
  }
  for (const [i, step] of steps.entries()) {
    if (signal.aborted) return results;
    results.push(await run(step, i + 1, steps.length));
  }
  for (let more = 0; more < test.refine && test.slo.length > 0 && !signal.aborted; more += 1) {
    const open = results.filter(({ mode }) => mode === 'open');
    const { passed, missed } = highestWithin(open, test.slo);
    const rate = between(passed, missed);
    if (rate === undefined) break;
    const step = steadyStep(Number(rate.toPrecision(3)), test.arrivals, test.lengths);
    results.push(await run(step, steps.length + more + 1, steps.length + test.refine));
  }
  return results;
}

/** @throws Error when the system does not take a single request of the plan */
export async function runLoadTest(test: LoadTest, parts: Parts): Promise<LoadReport> {
  const { plan, thresholds, slo } = test;
  const startedAt = new Date().toISOString();
  const distinct = await tryKinds(plan);
  const generators = startGenerators(plan);
  const stop = (): void => generators.stop();
  parts.signal.addEventListener('abort', stop);
  try {
    const steps = await runSteps(test, parts, createRunner(test, parts, generators));
    const open = steps.filter(({ mode }) => mode === 'open');
    const { passed } = highestWithin(open, slo);
    const fromFile = plan.kinds.some(({ bodies }) => bodies !== undefined);
    return {
      format: FORMAT,
      started_at: startedAt,
      target: `${plan.target.secure ? 'https' : 'http'}://${plan.target.host}:${plan.target.port}${plan.target.basePath}`,
      models: [...new Set(plan.kinds.map(({ model }) => model))],
      steps,
      knee: kneeOf(open.length > 0 ? open : steps),
      slo:
        slo.length > 0
          ? {
              thresholds: slo.map(({ text }) => text),
              rate: passed?.offered_per_s ?? null,
              step: passed?.name ?? null,
            }
          : null,
      verdicts: steps.flatMap((step) => judge(thresholds, step)),
      scaling: null,
      audit: null,
      notes: notesOf({ steps, distinct, fromFile }),
      stopped: parts.signal.aborted,
    };
  } finally {
    parts.signal.removeEventListener('abort', stop);
    await generators.close();
  }
}
