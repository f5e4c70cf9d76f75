/** The story of scaling: the same closed loop with 1, 2, … workers, and the law that its answers follow. */
import { setTimeout as sleep } from 'node:timers/promises';

import { fitScaling } from './judge/fit.ts';
import type { LoadReport, StepResult } from './judge/load-report.ts';
import { closedStep } from './plan/make-steps.ts';
import { runLoadTest, type LoadTest, type Watcher } from './run-load-test.ts';
import type { System } from './system/ask-system.ts';

export type ScalingTest = {
  readonly test: LoadTest;
  readonly workers: readonly number[];
  /** Of the closed loop, for each worker. */
  readonly clientsPerWorker: number;
};
type Parts = {
  readonly system: System;
  readonly watch: Watcher;
  readonly signal: AbortSignal;
  readonly say: (sentence: string) => void;
};

const START_LIMIT_MS = 120_000;
const LOOK_EVERY_MS = 250;

async function scaleTo({ system, signal }: Parts, count: number): Promise<void> {
  await system.scale(count);
  const until = performance.now() + START_LIMIT_MS;
  while ((await system.workers()) !== count) {
    if (signal.aborted) return;
    if (performance.now() > until) throw new Error(`${count} workers were asked for and do not serve within 120 s`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** As many workers serve afterwards as before. @throws Error when they cannot be scaled */
export async function runScaling({ test, workers, clientsPerWorker }: ScalingTest, parts: Parts): Promise<LoadReport> {
  const before = await parts.system.workers();
  const results: StepResult[] = [];
  let last: LoadReport | undefined;
  try {
    for (const count of workers) {
      if (parts.signal.aborted) break;
      parts.say(`${count} ${count === 1 ? 'worker' : 'workers'}`);
      await scaleTo(parts, count);
      const step = closedStep(clientsPerWorker * count, test.lengths);
      const name = `${count} ${count === 1 ? 'worker' : 'workers'}, ${step.name}`;
      last = await runLoadTest({ ...test, steps: [{ ...step, name }], slo: [], refine: 0 }, parts);
      results.push(...last.steps);
    }
  } finally {
    await scaleTo(parts, before);
  }
  if (!last) throw new Error('nothing was measured');
  const points = results.map(({ answered_per_s: rate, latency }, i) => ({
    workers: workers[i] ?? 1,
    answered_per_s: rate,
    p99_ms: latency.p99_ms,
  }));
  return { ...last, steps: results, knee: null, slo: null, scaling: { points, fit: fitScaling(points) ?? null } };
}
