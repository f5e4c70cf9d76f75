/** One run: a load, a fault in the middle of it, the load until it is well again, then the check of all that was seen. */
import { until } from '../support/system.ts';
import { check, recoveryMs, type History, type Verdict, type Window } from './history.ts';
import { startLoad } from './load.ts';
import type { Random } from './random.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { expected } from './subjects.ts';
import type { World } from './world.ts';

export type Disturbance = {
  readonly world: World;
  readonly random: Random;
  readonly recorder: Recorder;
};

export type Fault = {
  readonly name: string;
  /** How many workers the system has. */
  readonly workers?: number;
  /**
   * Does it, and resolves when its cause is over. @returns how often it may have interrupted one computation, if that
   * is not once.
   */
  run(disturbance: Disturbance): Promise<number | void>;
  /** Whether clients may be told to try again because of it. */
  readonly excuses: boolean;
  /** Everything is as before at the latest so long after it. */
  readonly recoversWithinMs: number;
};

export type Run = { readonly verdict: Verdict; readonly recoveryMs: number; readonly history: History };

const JOBS_BEFORE = 60;
const JOBS_AFTER = 60;
const SETTLE_MS = 90_000;
/** The first refusals may come a moment before what caused them has returned. */
const EARLY_MS = 50;

async function accepted(recorder: Recorder, more: number): Promise<void> {
  const goal = recorder.acks.length + more;
  await until(`${more} jobs are accepted`, async () => (recorder.acks.length >= goal ? true : undefined), 90_000);
}

/** Resolves when a request that was begun after `clearedAt` has been answered. */
async function answered(recorder: Recorder, clearedAt: number): Promise<void> {
  await until(
    'a request is answered',
    async () =>
      recorder.exchanges.some(
        ({ what, begunAt, end }) =>
          what === 'infer' && begunAt >= clearedAt && end?.kind === 'answer' && end.status === 200,
      )
        ? true
        : undefined,
    60_000,
  );
}

export async function runFault(world: World, fault: Fault, random: Random): Promise<Run> {
  await world.healthy(fault.workers ?? 2);
  const recorder = createRecorder(world.system.url);
  const load = startLoad(recorder, random);
  let window: Window;
  try {
    await accepted(recorder, JOBS_BEFORE);
    const from = Date.now() - EARLY_MS;
    const times = (await fault.run({ world, random, recorder })) ?? 1;
    window = { from, to: Date.now(), times, graceMs: fault.recoversWithinMs, excuses: fault.excuses };
    await accepted(recorder, JOBS_AFTER);
    await answered(recorder, window.to);
  } finally {
    await load.stop();
  }
  const history = { jobs: await recorder.settle(SETTLE_MS), exchanges: recorder.exchanges, windows: [window] };
  const verdict = check(history, expected);
  const recovery = recoveryMs(history, window.to);
  if (recovery <= fault.recoversWithinMs) return { verdict, recoveryMs: recovery, history };
  const slow = { kind: 'slow', what: `well again after ${recovery} ms, not ${fault.recoversWithinMs}` } as const;
  return { verdict: { ...verdict, violations: [...verdict.violations, slow] }, recoveryMs: recovery, history };
}
