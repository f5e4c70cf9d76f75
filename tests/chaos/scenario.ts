/** One run: a load, a fault in the middle of it, the load until it is well again, then the check of all that was seen. */
import { until } from '../support/system.ts';
import {
  aliveBetween,
  check,
  type AcceptedJob,
  longestLifeMs,
  recoveryMs,
  rerunDelays,
  type History,
  type Verdict,
  type Violation,
  type Window,
} from './history.ts';
import { startLoad } from './load.ts';
import type { Random } from './random.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { watchStalls } from './stalls.ts';
import { expected } from './subjects.ts';
import type { World, WorldSettings } from './world.ts';

export type Disturbance = {
  readonly world: World;
  readonly random: Random;
  readonly recorder: Recorder;
  /** Computations were ended or stopped at this moment: how soon they run again is counted from here. */
  struck(): void;
  /** Writes down a measurement, in milliseconds where its name says nothing else. */
  measured(what: string, value: number): void;
};

export type Fault = {
  readonly name: string;
  /** The system that it needs, where it is not the usual one. */
  readonly world?: WorldSettings;
  /** Takes so long that it is run only with `--long`. */
  readonly long?: boolean;
  /** Why it cannot be brought about on this machine. */
  readonly skip?: string | undefined;
  /** What was accepted may be gone after it, if its callers are told so. */
  readonly forgets?: boolean;
  /**
   * Does it, and resolves when its cause is over. @returns how often it may have interrupted one computation, if that
   * is not once.
   */
  run(disturbance: Disturbance): Promise<number | void>;
  /** Whether clients may be told to try again because of it. */
  readonly excuses: boolean;
  /** Everything is as before at the latest so long after it. */
  readonly recoversWithinMs: number;
  /** How long one cause of it lasts, where that is more than a moment: no job waits for longer than this and recovery. */
  readonly lastsMs?: number;
};

export type Run = {
  readonly verdict: Verdict;
  /** Accepted jobs that were there between the blow and the end of the recovery. */
  readonly inWindow: number;
  readonly recoveryMs: number;
  /** How long after the blow each job that it interrupted began to run again. */
  readonly reruns: readonly number[];
  /** How long the machine stood still for a reason of its own, each time. */
  readonly stalls: readonly number[];
  readonly figures: Readonly<Record<string, readonly number[]>>;
};

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

function tooSlow({ recoversWithinMs, lastsMs = 0 }: Fault, recovery: number, longest: number): Violation[] {
  const found: Violation[] = [];
  if (recovery > recoversWithinMs)
    found.push({ kind: 'slow', what: `well again after ${recovery} ms, not ${recoversWithinMs}` });
  if (longest > lastsMs + recoversWithinMs)
    found.push({ kind: 'slow', what: `a job waited for ${longest} ms, not ${lastsMs + recoversWithinMs}` });
  return found;
}

type Figures = Record<string, number[]>;
type Disturbed = { readonly window: Window; readonly struckAt: readonly number[]; readonly figures: Figures };

/** The load and the fault in the middle of it; @returns when it was */
async function disturb(world: World, fault: Fault, random: Random, recorder: Recorder): Promise<Disturbed> {
  const load = startLoad(recorder, random);
  try {
    await accepted(recorder, JOBS_BEFORE);
    const from = Date.now() - EARLY_MS;
    const struckAt: number[] = [];
    const struck = (): void => void struckAt.push(Date.now());
    const figures: Figures = {};
    const measured = (what: string, value: number): void => void (figures[what] ??= []).push(value);
    const times = (await fault.run({ world, random, recorder, struck, measured })) ?? 1;
    const { recoversWithinMs: graceMs, excuses, forgets = false } = fault;
    const window = { from, to: Date.now(), times, graceMs, excuses, forgets };
    await accepted(recorder, JOBS_AFTER);
    await answered(recorder, window.to);
    return { window, struckAt, figures };
  } finally {
    await load.stop();
  }
}

/** What disturbed the run beside the fault; a fault that may be felt explains what is seen while it lasts. */
const unplanned = (stalls: readonly Window[], fault: Window): Window[] =>
  stalls.filter(({ from, to }) => !fault.excuses || to < fault.from || from > fault.to);

export async function runFault(world: World, fault: Fault, random: Random): Promise<Run> {
  await world.healthy(fault.world?.workers ?? 2);
  const recorder = createRecorder(world.system.url);
  const watch = watchStalls(world.admin);
  let seen: Window[] = [];
  let disturbed: Disturbed;
  let jobs: AcceptedJob[];
  try {
    disturbed = await disturb(world, fault, random, recorder);
    jobs = await recorder.settle(SETTLE_MS);
  } finally {
    seen = await watch.stop();
  }
  const { window, struckAt, figures } = disturbed;
  const stalls = unplanned(seen, window);
  const history: History = { jobs, exchanges: recorder.exchanges, windows: [window, ...stalls] };
  const verdict = check(history, expected);
  const recovery = recoveryMs(history, window.to);
  const violations = [...verdict.violations, ...tooSlow(fault, recovery, longestLifeMs(history))];
  return {
    verdict: { ...verdict, violations },
    inWindow: aliveBetween(jobs, struckAt[0] ?? window.from, window.to + recovery),
    recoveryMs: recovery,
    reruns: rerunDelays(jobs, struckAt),
    stalls: stalls.map(({ from, to }) => to - from),
    figures,
  };
}
