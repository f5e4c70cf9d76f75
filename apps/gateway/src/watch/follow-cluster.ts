/**
 * Follows what the cluster tells of itself, so that every gateway shows all of it: the last events and an hour of samples are
 * held here as text, and whoever watches is told of what is new. Redis is asked once a second, however many watch.
 */
import type { Followed, StreamEntry } from '@batchyard/queue/watching';
import { clusterEventSchema, type ClusterEvent } from '@batchyard/shared/contract/event';

export type Told = { readonly id: string; readonly name: string; readonly data: string };

export type FollowCluster = {
  /** Reads what is new; once a second. */
  turn(): Promise<void>;
  /** The newest last. */
  events(): readonly (ClusterEvent & { readonly id: string; readonly at_ms: number })[];
  samples(): readonly StreamEntry[];
  /** What was told after this id, in order; without one, what a newcomer should see. */
  since(id: string | undefined): Told[];
  /** @returns what ends it */
  subscribe(listener: (told: readonly Told[]) => void): () => void;
};

type Parts = {
  readonly follow: (after: { events: string; samples: string }) => Promise<Followed>;
  /** A sample as watchers are shown it. */
  readonly show: (sample: StreamEntry) => string;
};

const EVENTS_HELD = 200;
export const SAMPLES_HELD = 3_600;
/** Of the past a newcomer sees the events, and one who comes back at most a minute of samples. */
const SAMPLES_REPLAYED = 60;
const FULL_ANSWER = 500;

const partsOf = (id: string): [number, number] => {
  const [ms = 0, sequence = 0] = id.split('-').map(Number);
  return [ms, sequence];
};

/** The order of stream ids. */
export function compareIds(a: string, b: string): number {
  const [aMs, aSequence] = partsOf(a);
  const [bMs, bSequence] = partsOf(b);
  return aMs - bMs || aSequence - bSequence;
}

type HeldEvent = ClusterEvent & { readonly id: string; readonly at_ms: number };

/** What cannot be read is of another version, and left out. */
function readEvent({ id, text }: StreamEntry): HeldEvent[] {
  try {
    const parsed = clusterEventSchema.safeParse(JSON.parse(text));
    return parsed.success ? [{ id, at_ms: partsOf(id)[0], ...parsed.data }] : [];
  } catch {
    return [];
  }
}

const inOrder = (told: readonly Told[]): Told[] => told.toSorted((a, b) => compareIds(a.id, b.id));

export function createFollowCluster({ follow, show }: Parts): FollowCluster {
  let events: HeldEvent[] = [];
  let samples: StreamEntry[] = [];
  const after = { events: '0-0', samples: '0-0' };
  const listeners = new Set<(told: readonly Told[]) => void>();

  const tellEvent = (event: HeldEvent): Told => ({ id: event.id, name: event.kind, data: JSON.stringify(event) });
  const tellSample = (sample: StreamEntry): Told => ({ id: sample.id, name: 'sample', data: show(sample) });

  function take(found: Followed): void {
    const fresh = found.events.flatMap(readEvent);
    events = [...events, ...fresh].slice(-EVENTS_HELD);
    for (const sample of found.samples) samples.push(sample);
    if (samples.length > SAMPLES_HELD + FULL_ANSWER) samples = samples.slice(-SAMPLES_HELD);
    after.events = found.events.at(-1)?.id ?? after.events;
    after.samples = found.samples.at(-1)?.id ?? after.samples;
    if (listeners.size === 0 || (fresh.length === 0 && found.samples.length === 0)) return;
    const told = inOrder([...fresh.map(tellEvent), ...found.samples.slice(-SAMPLES_REPLAYED).map(tellSample)]);
    for (const listener of listeners) listener(told);
  }

  return {
    async turn() {
      for (;;) {
        const found = await follow({ ...after });
        take(found);
        if (found.samples.length < FULL_ANSWER && found.events.length < FULL_ANSWER) return;
      }
    },
    events: () => events,
    samples: () => samples.slice(-SAMPLES_HELD),
    since(id) {
      const isNew = (one: { readonly id: string }): boolean => id === undefined || compareIds(one.id, id) > 0;
      const replayed = samples.slice(id === undefined ? -1 : -SAMPLES_REPLAYED).filter(isNew);
      return inOrder([...events.filter(isNew).map(tellEvent), ...replayed.map(tellSample)]);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
