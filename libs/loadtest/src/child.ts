/** A load test in a process of its own, beside a gateway and not in its event loop. Ends when the gateway does. */
import { LOAD_LIMITS, type LoadAsk, type LoadStep } from '@batchyard/shared/contract/load-test';

import type { LoadNews, ToLoadChild } from './child-message.ts';
import type { StepResult } from './judge/load-report.ts';
import type { LoadPlan } from './plan/load-plan.ts';
import { closedStep, steadyStep, type Lengths } from './plan/make-steps.ts';
import { kneeSentence } from './report/text.ts';
import { runLoadTest, type LoadTest } from './run-load-test.ts';
import { openSystem, readTarget, shapeOf, type System } from './system/ask-system.ts';

const TIMEOUT_MS = 5_000;
const CONNECTIONS = 256;
/** A search for the capacity has five steps in the time that was asked for. */
const SWEPT_STEPS = 5;
const WARMUP_S = 0.5;
/** Of an axis of any length. */
const LENGTH = 8;

const stop = new AbortController();
const news: { -readonly [K in keyof LoadNews]: LoadNews[K] } & { steps: LoadStep[] } = {
  state: 'running',
  error: null,
  steps: [],
  knee: null,
  notes: [],
  now: null,
};
const tell = (): void => void process.send?.(news);

function stepLine({ name, latency, generator, ...step }: StepResult): LoadStep {
  const { offered_per_s, answered_per_s, sent, succeeded } = step;
  const { p50_ms, p90_ms, p99_ms, p999_ms, max_ms } = latency;
  const failed = sent - succeeded;
  const late = generator.late.p99_ms;
  return {
    name,
    offered_per_s,
    answered_per_s,
    sent,
    failed,
    p50_ms,
    p90_ms,
    p99_ms,
    p999_ms,
    max_ms,
    late_p99_ms: late,
  };
}

async function testOf(ask: LoadAsk, system: System): Promise<LoadTest> {
  const { inputs } = await system.inputs(ask.model, undefined);
  const specs = inputs.map((input) => shapeOf(input, { rows: 1, length: LENGTH, given: new Map() }));
  const { model, priority, rate, clients, seconds } = ask;
  const plan: LoadPlan = {
    target: system.target,
    kinds: [{ name: model, model, version: undefined, priority, weight: 1, form: 'json', inputs: specs }],
    repeats: 0,
    timeoutMs: TIMEOUT_MS,
    maxConnections: CONNECTIONS,
    generators: 1,
    seed: 1,
    stampFrom: Date.now() % 1e9,
  };
  const lengths: Lengths = { warmupS: WARMUP_S, seconds };
  const steps =
    rate !== undefined
      ? [steadyStep(rate, 'poisson', lengths)]
      : clients !== undefined
        ? [closedStep(clients, lengths)]
        : undefined;
  const swept = { warmupS: WARMUP_S, seconds: Math.max(1, seconds / SWEPT_STEPS) };
  return {
    plan,
    steps,
    arrivals: 'poisson',
    lengths: steps ? lengths : swept,
    thresholds: [],
    slo: [],
    refine: 0,
    mostPerS: LOAD_LIMITS.rate,
  };
}

async function run(url: string, ask: LoadAsk): Promise<void> {
  const system = openSystem(
    readTarget(url, ask.api_key === undefined ? undefined : `Bearer ${ask.api_key}`),
    undefined,
  );
  const report = await runLoadTest(await testOf(ask, system), {
    system,
    signal: stop.signal,
    watch: {
      progress({ step, index, steps, seconds, open }) {
        news.now = { step, index, steps, open, seconds: [...seconds] };
        tell();
      },
      stepDone(step) {
        news.steps.push(stepLine(step));
        news.now = null;
        tell();
      },
    },
  });
  news.state = report.stopped ? 'stopped' : 'done';
  news.knee = kneeSentence(report) ?? null;
  news.notes = report.notes;
}

process.on('message', (message: ToLoadChild) => {
  if (message.kind === 'stop') {
    stop.abort();
    return;
  }
  run(message.url, message.ask)
    .catch((error: unknown) => {
      news.state = 'failed';
      news.error = error instanceof Error ? error.message : String(error);
    })
    .finally(() => {
      news.now = null;
      // Gone only when the news have left.
      process.send?.(news, () => process.exit(0));
    });
});
process.once('disconnect', () => process.exit(1));
