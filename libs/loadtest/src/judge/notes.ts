/** What a reader should know before believing the figures. */
import type { StepResult } from './load-report.ts';

const LATE_P99_MS = 5;
const BUSY = 0.9;
const FOR_P9999 = 10_000;
/** A generator whose best step answers less than this share of what was offered has met its, or the system's, limit. */
const SHORT = 0.95;

type Facts = {
  readonly steps: readonly StepResult[];
  /** Inputs of the kind with the fewest, before they come again. */
  readonly distinct: number;
  readonly fromFile: boolean;
};

export function notesOf({ steps, distinct, fromFile }: Facts): string[] {
  const notes: string[] = [];
  const late = steps.filter(({ generator }) => (generator.late.p99_ms ?? 0) > LATE_P99_MS);
  if (late.length > 0) {
    const worst = Math.max(...late.map(({ generator }) => generator.late.p99_ms ?? 0));
    const names = late.map(({ name }) => name).join(', ');
    notes.push(
      `The generator itself was late, by up to ${worst.toFixed(1)} ms at p99 (${names}). Latencies contain it: they are those of a caller on this machine, not of the server alone.`,
    );
  }
  const busy = steps.filter(({ generator }) => generator.busy > BUSY);
  if (busy.length > 0)
    notes.push(
      `A generator thread was busy more than ${100 * BUSY} % of the time (${busy.map(({ name }) => name).join(', ')}): more may be reached with --generators ${(busy[0]?.generator.threads ?? 1) + 1}.`,
    );
  const closed = steps.filter(({ mode }) => mode === 'closed');
  if (closed.length > 0)
    notes.push(
      `Closed loop (${closed.map(({ name }) => name).join(', ')}): each client waits for its answer, so a stall stops the asking and its percentiles look better than what callers who do not wait would see.`,
    );
  const short = steps.filter(
    ({ offered_per_s: offered, answered_per_s: answered }) => offered !== null && answered < SHORT * offered,
  );
  if (short.length > 0)
    notes.push(
      `Not all that was offered was answered in the same time: ${short.map(({ name, answered_per_s: answered, offered_per_s: offered }) => `${name} (${answered.toFixed(0)} of ${(offered ?? 0).toFixed(0)}/s)`).join(', ')}. Latencies there grow with the length of the test.`,
    );
  const sent = steps.reduce((sum, one) => sum + one.sent, 0);
  if (fromFile) notes.push('Inputs come from a file and are sent again and again: a cache may answer for the model.');
  else if (distinct < sent)
    notes.push(`The model's inputs allow only ${distinct} different requests here, so a cache may have answered some.`);
  const most = Math.max(0, ...steps.map(({ latency }) => latency.count));
  if (most < FOR_P9999) notes.push(`p99.99 of fewer than ${FOR_P9999} answers is the slowest of them.`);
  return notes;
}
