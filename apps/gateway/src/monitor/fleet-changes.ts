/** What has changed of the fleet between two looks, as events. Deaths are told by whoever finds them. Pure. */
import type { EventDetail, EventKind } from '@batchyard/shared/contract/event';
import type { WorkerState } from '@batchyard/shared/contract/heartbeat';

export type FleetLook = {
  readonly workers: readonly { readonly id: string; readonly state: WorkerState }[];
  /** `file` changes with the model's file. */
  readonly models: readonly { readonly queue: string; readonly file: string }[];
};

export type FleetChange = { readonly kind: EventKind; readonly detail: EventDetail };

const STATE_CHANGES: Partial<Record<WorkerState, { kind: EventKind; words: string }>> = {
  serving: { kind: 'scale', words: 'serves now' },
  draining: { kind: 'drain', words: 'drains: it finishes what it holds and takes no more' },
  stopped: { kind: 'scale', words: 'has stopped in good order' },
};

export function fleetChanges(before: FleetLook, now: FleetLook): FleetChange[] {
  const states = new Map(before.workers.map(({ id, state }) => [id, state]));
  const files = new Map(before.models.map(({ queue, file }) => [queue, file]));
  const served = new Set(now.models.map(({ queue }) => queue));
  const workers = now.workers.flatMap(({ id, state }) => {
    const change = states.get(id) === state ? undefined : STATE_CHANGES[state];
    return change
      ? [{ kind: change.kind, detail: { sentence: `worker ${id} ${change.words}`, worker: id, state } }]
      : [];
  });
  const models = now.models.flatMap(({ queue, file }): FleetChange[] => {
    const old = files.get(queue);
    if (old === file) return [];
    const words = old === undefined ? 'is served now' : 'has another file now';
    return [{ kind: 'deploy', detail: { sentence: `${queue} ${words}`, queue } }];
  });
  const gone = before.models
    .filter(({ queue }) => !served.has(queue))
    .map(({ queue }): FleetChange => ({ kind: 'deploy', detail: { sentence: `${queue} is gone`, queue } }));
  return [...workers, ...models, ...gone];
}
