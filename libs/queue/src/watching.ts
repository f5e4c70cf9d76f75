/** What the cluster tells of itself: events as they happen and a sample a second, in two small streams that everybody reads. */
import { EVENTS_KEPT, eventText, type EventDetail, type EventKind } from '@batchyard/shared/contract/event';
import { eventsKey, samplesKey } from '@batchyard/shared/contract/redis-keys';

import type { QueueSettings } from './settings.ts';

/** `id` is the stream's: ms by Redis' clock, a dash, a number. */
export type StreamEntry = { readonly id: string; readonly text: string };
export type Followed = { readonly events: readonly StreamEntry[]; readonly samples: readonly StreamEntry[] };

export type Events = {
  /** Never waits and never throws: without Redis the event is lost, as it would be without a reader. */
  tell(kind: EventKind, detail: EventDetail): void;
};

export type Watching = {
  readonly events: Events;
  /** Entries after these ids, the oldest 500 of each stream; both at one instant, so that their ids give one order. */
  follow(after: { readonly events: string; readonly samples: string }): Promise<Followed>;
};

const ENTRIES_A_CALL = 500;

/** What XREAD answers of one stream: its key, then each entry's id and fields; there is one field. */
type StreamReply = readonly [string, readonly (readonly [string, readonly string[]])[]];

function entriesOf(replies: readonly StreamReply[], key: string): StreamEntry[] {
  const own = replies.find(([name]) => name === key)?.[1] ?? [];
  return own.map(([id, fields]) => ({ id, text: fields[1] ?? '' }));
}

export function createWatching({ commands, prefix }: QueueSettings): Watching {
  const [events, samples] = [eventsKey(prefix), samplesKey(prefix)];
  return {
    events: {
      tell(kind, detail) {
        const told = commands.xadd(events, 'MAXLEN', '=', EVENTS_KEPT, '*', 'e', eventText(kind, detail));
        void told.catch(() => undefined);
      },
    },
    async follow(after) {
      const asked = ['STREAMS', events, samples, after.events, after.samples] as const;
      const found = await commands.xread('COUNT', ENTRIES_A_CALL, ...asked);
      const replies = (found ?? []) as unknown as readonly StreamReply[];
      return { events: entriesOf(replies, events), samples: entriesOf(replies, samples) };
    },
  };
}
