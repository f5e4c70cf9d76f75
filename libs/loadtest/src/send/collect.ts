/** What became of the requests of one step, added up. Memory does not depend on how many there were. */
import type { SecondFigures, StepResult } from '../judge/load-report.ts';
import type { RequestKind, Step } from '../plan/load-plan.ts';
import { durationMs, expectedCount, type Stretch } from '../plan/schedule.ts';
import type { SentOutcome } from './generator-message.ts';
import type { GeneratorFacts } from './generators.ts';
import { createLatencyHistogram } from './latency-histogram.ts';

/** Different reasons that are told apart. */
const MOST_REASONS = 50;
const LATE_MS = 10;
const REFUSED = 503;

/** From when on it counts, and until when, ms since the step began. */
function windowOf(step: Step): { fromMs: number; toMs: number; offered: number | null } {
  const fromMs = 1000 * step.warmupS;
  if (step.mode === 'closed') return { fromMs, toMs: 1000 * step.seconds, offered: null };
  if (step.mode === 'trace') {
    const toMs = (step.timesMs.at(-1) ?? 0) / step.speed;
    const due = step.timesMs.filter((at) => at / step.speed >= fromMs).length;
    return { fromMs, toMs, offered: (1000 * due) / Math.max(1, toMs - fromMs) };
  }
  const toMs = durationMs(step.stretches);
  let [leftS, counted] = [step.warmupS, 0];
  for (const stretch of step.stretches) {
    const skipS = Math.min(leftS, stretch.seconds);
    leftS -= skipS;
    const from = stretch.from + ((stretch.to - stretch.from) * skipS) / stretch.seconds;
    const rest: Stretch = { from, to: stretch.to, seconds: stretch.seconds - skipS };
    if (rest.seconds > 0) counted += expectedCount([rest]);
  }
  return { fromMs, toMs, offered: (1000 * counted) / (toMs - fromMs) };
}

/** The sentence of an error's body, with its numbers left out: the same reason is one reason. */
function reasonOf(text: string): string {
  const told = /"(?:error|detail)"\s*:\s*"((?:[^"\\]|\\.)*)/.exec(text)?.[1] ?? text;
  return told.replaceAll(/\d+(?:\.\d+)?/g, 'n');
}

const percentileOf = (sorted: readonly number[], q: number): number | null =>
  sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null;

/** Figures of each second, finished when the next has begun. */
function createSeconds() {
  const done: SecondFigures[] = [];
  let [second, failed] = [0, 0];
  let times: number[] = [];
  function finish(): void {
    const sorted = times.toSorted((a, b) => a - b);
    const ended = times.length + failed;
    done.push({ at_s: second, ended, failed, p50_ms: percentileOf(sorted, 0.5), p99_ms: percentileOf(sorted, 0.99) });
    [times, failed] = [[], 0];
    second += 1;
  }
  return {
    /** In the order of their ends, but for what generator threads told late. */
    add(endMs: number, ms: number, succeeded: boolean): void {
      while (endMs >= 1000 * (second + 1)) finish();
      if (succeeded) times.push(ms);
      else failed += 1;
    },
    done: (): readonly SecondFigures[] => done,
    all(): SecondFigures[] {
      if (times.length + failed > 0) finish();
      return done;
    },
  };
}

export type Collector = {
  add(outcome: SentOutcome): void;
  /** Whole seconds so far. */
  seconds(): readonly SecondFigures[];
  result(generator: GeneratorFacts): Omit<StepResult, 'server'>;
};

export function createCollector(step: Step, kinds: readonly RequestKind[]): Collector {
  const { fromMs, toMs, offered } = windowOf(step);
  const [latency, fromSend, late] = [createLatencyHistogram(), createLatencyHistogram(), createLatencyHistogram()];
  const perKind = kinds.map(({ name }) => ({ name, sent: 0, succeeded: 0, latency: createLatencyHistogram() }));
  const failures: Record<string, number> = {};
  const seconds = createSeconds();
  let [sent, succeeded, refused, failed, inWindow, lateSends] = [0, 0, 0, 0, 0, 0];

  function fail(status: number, text: string): void {
    if (status === REFUSED) refused += 1;
    else failed += 1;
    const why = status === 0 ? text : `${status} ${reasonOf(text)}`.trim();
    const key = why in failures || Object.keys(failures).length < MOST_REASONS ? why : 'other reasons';
    failures[key] = (failures[key] ?? 0) + 1;
  }
  return {
    add({ dueMs, lateMs, ms, sentMs, kind, status, text }) {
      const endMs = dueMs + ms;
      if (status === 200 && endMs >= fromMs && endMs <= toMs) inWindow += 1;
      seconds.add(endMs, ms, status === 200);
      if (dueMs < fromMs) return;
      sent += 1;
      late.record(lateMs);
      if (lateMs > LATE_MS) lateSends += 1;
      const own = perKind[kind];
      if (own) own.sent += 1;
      if (status !== 200) return fail(status, text);
      succeeded += 1;
      latency.record(ms);
      if (!Number.isNaN(sentMs)) fromSend.record(sentMs);
      if (!own) return;
      own.succeeded += 1;
      own.latency.record(ms);
    },
    seconds: seconds.done,
    result: (generator) => ({
      name: step.name,
      mode: step.mode,
      offered_per_s: offered,
      clients: step.mode === 'closed' ? step.clients : null,
      seconds: (toMs - fromMs) / 1000,
      sent,
      succeeded,
      refused,
      failed,
      failures,
      answered_per_s: (1000 * inWindow) / (toMs - fromMs),
      latency: latency.figures(),
      from_send: fromSend.figures(),
      generator: { ...generator, late: late.figures(), late_sends: lateSends },
      kinds: perKind.map((own) => ({ ...own, latency: own.latency.figures() })),
      seconds_of: seconds.all(),
    }),
  };
}
