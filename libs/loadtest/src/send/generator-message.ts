/** What a generator thread is told, and tells. */
import type { LoadPlan, Step } from '../plan/load-plan.ts';

/** One of `shards` threads that share a step: it sends every shards-th request. `startAt`: ms since 1970. */
export type Task = {
  readonly plan: LoadPlan;
  readonly step: Step;
  readonly shard: number;
  readonly shards: number;
  readonly startAt: number;
};

export type ToGenerator = { readonly kind: 'run'; readonly task: Task } | { readonly kind: 'stop' };

/** Numbers of one outcome, in this order; see `outcomeAt`. */
const WIDTH = 7;

/** A request's whole story. Times in ms; `dueMs` since the step began. */
export type SentOutcome = {
  readonly dueMs: number;
  /** How long after that the generator got round to it. */
  readonly lateMs: number;
  /** From when it was due to its end. */
  readonly ms: number;
  /** From its first byte to its end; NaN where it never left. */
  readonly sentMs: number;
  readonly kind: number;
  /** 0: no answer. */
  readonly status: number;
  /** Of what was no success. */
  readonly text: string;
};

/** Outcomes packed into numbers, with the table of their texts. */
export type OutcomeBatch = { readonly numbers: Float64Array; readonly texts: readonly string[] };

export type FromGenerator =
  | {
      readonly kind: 'outcomes';
      readonly batch: OutcomeBatch;
      readonly open: number;
      readonly unsent: number;
      readonly connections: number;
    }
  /** `busy`: share of the time in which the thread was not idle. */
  | { readonly kind: 'done'; readonly busy: number; readonly connections: number }
  | { readonly kind: 'failed'; readonly message: string };

export function packOutcomes(outcomes: readonly SentOutcome[]): OutcomeBatch {
  const numbers = new Float64Array(outcomes.length * WIDTH);
  const texts: string[] = [];
  const known = new Map<string, number>();
  for (const [i, { dueMs, lateMs, ms, sentMs, kind, status, text }] of outcomes.entries()) {
    const index = known.get(text) ?? texts.push(text) - 1;
    known.set(text, index);
    numbers.set([dueMs, lateMs, ms, sentMs, kind, status, index], i * WIDTH);
  }
  return { numbers, texts };
}

export function* unpackOutcomes({ numbers, texts }: OutcomeBatch): Generator<SentOutcome> {
  for (let at = 0; at < numbers.length; at += WIDTH) {
    const [dueMs = 0, lateMs = 0, ms = 0, sentMs = 0, kind = 0, status = 0, index = 0] = numbers.subarray(
      at,
      at + WIDTH,
    );
    yield { dueMs, lateMs, ms, sentMs, kind, status, text: texts[index] ?? '' };
  }
}
