/** What every operation needs to know of the place it works in, and the bounds that the scripts enforce. */
import type { CopyCount } from '@batchyard/shared/contract/memory';
import type { Redis } from '@batchyard/shared/runtime/redis';

export type QueueSettings = {
  /** For commands; never blocks. */
  readonly commands: Redis;
  /** BullMQ's prefix of the shard, see redis-keys. */
  readonly prefix: string;
  /** `all` tells every step as BullMQ does; `terminal` how durable jobs ended; `none` nothing. */
  readonly events?: 'all' | 'terminal' | 'none';
  /** How long results are kept, and how many bytes of them. */
  readonly resultTtlMs?: number;
  readonly maxResultBytes?: number;
  /** Taken jobs tell their places in traces. */
  readonly traces?: boolean;
  /** Counts what is copied on the way to and from Redis. */
  readonly copies?: CopyCount;
};

export const DEFAULT_RESULT_TTL_MS = 600_000;
export const DEFAULT_MAX_RESULT_BYTES = 64 * 1_048_576;
/** Unread bytes on a gateway's reply stream before its oldest half goes. */
export const MAX_REPLY_BYTES = 64 * 1_048_576;
/** An attached result beyond this stays in its job for a minute and the reply only points to it. */
export const INLINE_RESULT_BYTES = 262_144;
/** What BullMQ writes into `meta.version`; a contract test compares it with the installed package. */
export const BULLMQ_VERSION = 'bullmq:6.7.0';

export const eventLevel = (events: QueueSettings['events']): number =>
  ({ none: 0, terminal: 1, all: 2 })[events ?? 'terminal'];
