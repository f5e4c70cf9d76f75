/** What the cluster tells of itself: events as they happen and a sample a second, in two small streams that everybody reads. */
import { EVENTS_KEPT, eventText, type EventDetail, type EventKind } from '@batchyard/shared/contract/event';
import { acknowledgedKey, eventsKey, samplesKey, secondsKey, steeringKey } from '@batchyard/shared/contract/redis-keys';
import {
  SAMPLES_KEPT,
  SAMPLE_WORDS,
  SECONDS_KEPT,
  secondSchema,
  type Sample,
  type Second,
} from '@batchyard/shared/contract/sample';
import { packText } from '@batchyard/shared/runtime/packed-text';

import { pack, runScript } from './scripts.ts';
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
  /** What this gateway saw in the last second. @returns its id: a time by Redis' clock */
  addSecond(second: Second): Promise<string>;
  /** What gateways have told after this id, and the id of the last of it. */
  seconds(after: string): Promise<{ readonly upto: string; readonly seconds: Second[] }>;
  /** @returns false when the gateway does not steer: then nothing was written */
  recordSample(gateway: string, sample: Sample): Promise<boolean>;
  acknowledge(alert: string, atMs: number): Promise<void>;
  /** Alert → when it was acknowledged. */
  acknowledged(): Promise<ReadonlyMap<string, number>>;
};

const ENTRIES_A_CALL = 500;
const SECONDS_TTL_MS = 60_000;
const ACKNOWLEDGED_TTL_MS = 24 * 3_600_000;

/** What XREAD answers of one stream: its key, then each entry's id and fields; there is one field. */
type StreamReply = readonly [string, readonly (readonly [string, readonly string[]])[]];

function entriesOf(replies: readonly StreamReply[], key: string): StreamEntry[] {
  const own = replies.find(([name]) => name === key)?.[1] ?? [];
  return own.map(([id, fields]) => ({ id, text: fields[1] ?? '' }));
}

/** What cannot be read is of another version, and left out. */
function parseSecond(text: string): Second[] {
  try {
    const parsed = secondSchema.safeParse(JSON.parse(text));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}

export function createWatching({ commands, prefix }: QueueSettings): Watching {
  const [events, samples] = [eventsKey(prefix), samplesKey(prefix)];
  const [told, acknowledged] = [secondsKey(prefix), acknowledgedKey(prefix)];
  return {
    events: {
      tell(kind, detail) {
        const added = commands.xadd(events, 'MAXLEN', EVENTS_KEPT, '*', 'e', eventText(kind, detail));
        void added.catch(() => undefined);
      },
    },
    async follow(after) {
      const asked = ['STREAMS', events, samples, after.events, after.samples] as const;
      const found = await commands.xread('COUNT', ENTRIES_A_CALL, ...asked);
      const replies = (found ?? []) as unknown as readonly StreamReply[];
      return { events: entriesOf(replies, events), samples: entriesOf(replies, samples) };
    },
    async addSecond(second) {
      const added = commands.pipeline().xadd(told, 'MAXLEN', SECONDS_KEPT, '*', 's', JSON.stringify(second));
      const [[error, id] = []] = (await added.pexpire(told, SECONDS_TTL_MS).exec()) ?? [];
      if (error) throw error;
      return String(id);
    },
    async seconds(after) {
      const found = await commands.xrange(told, `(${after}`, '+', 'COUNT', SECONDS_KEPT);
      return {
        upto: found.at(-1)?.[0] ?? after,
        seconds: found.flatMap(([, fields]) => parseSecond(fields[1] ?? '')),
      };
    },
    async recordSample(gateway, sample) {
      const header = pack([`${prefix}:x:`, gateway, SAMPLES_KEPT, packText(JSON.stringify(sample), SAMPLE_WORDS)]);
      return (await runScript(commands, 'recordSample', steeringKey(prefix), [header])) === 1;
    },
    async acknowledge(alert, atMs) {
      await commands.pipeline().hset(acknowledged, alert, atMs).pexpire(acknowledged, ACKNOWLEDGED_TTL_MS).exec();
    },
    async acknowledged() {
      const found = await commands.hgetall(acknowledged);
      return new Map(Object.entries(found).map(([alert, atMs]) => [alert, Number(atMs)]));
    },
  };
}
