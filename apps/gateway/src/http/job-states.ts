/** The states of a job as events: which there were, and which of them somebody who has seen one has not seen yet. */
import type { JobView } from '@batchyard/queue/operations';
import type { JobStatus } from '@batchyard/shared/contract/job';

export type StateEvent = { readonly id: string; readonly status: JobStatus; readonly atMs: number };

const LAST_ID = /^(\d{1,16})-(queued|running|succeeded|failed|cancelled|expired)$/;

const rank = (status: string): number => (status === 'queued' ? 0 : status === 'running' ? 1 : 2);
export const isEnd = ({ status }: { readonly status: JobStatus }): boolean => rank(status) === 2;

/** Named by the time at which it began and itself, so that every gateway names it alike. */
const state = (status: JobStatus, atMs: number): StateEvent => ({ id: `${atMs}-${status}`, status, atMs });

/** As far as the job itself still tells them: of several runs it knows the last. */
function statesOf(view: JobView): StateEvent[] {
  const { status, queuedMs, startedMs, finishedMs } = view;
  const states = [state('queued', queuedMs)];
  if (status !== 'queued' && startedMs !== undefined) states.push(state('running', startedMs));
  if (isEnd(view)) states.push(state(status, finishedMs ?? queuedMs));
  return states;
}

/** @param seen id of the last state that was told; what is no such id counts as none */
export function statesAfter(view: JobView, seen: string | undefined): StateEvent[] {
  const states = statesOf(view);
  const [, at, status] = LAST_ID.exec(seen ?? '') ?? [];
  if (at === undefined || status === undefined) return states;
  const later = states.filter(
    ({ atMs, status: own }) => atMs > Number(at) || (atMs === Number(at) && rank(own) > rank(status)),
  );
  if (later.length > 0) return later;
  // Its worker died and it waits again, at the place and since the time it had.
  const now = states.at(-1);
  return now && now.id !== seen ? [now] : [];
}
