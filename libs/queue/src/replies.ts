/**
 * A gateway's reply stream: made by the gateway, kept alive while it lives, written by whatever ends its jobs, read on
 * a connection of its own and trimmed once read.
 */
import { createCopyCount } from '@batchyard/shared/contract/memory';
import { replyStreamKey } from '@batchyard/shared/contract/redis-keys';
import type { Blocking } from '@batchyard/shared/runtime/cluster';

import { copiedByReply } from './copied.ts';
import type { Reply } from './operations.ts';
import { unpack } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

const ALIVE_MS = 60_000;
const READ_ENTRIES = 64;

export type ReplyStream = {
  /** Makes the stream, or makes it again; @returns the id to read on from. */
  open(gateway: string): Promise<string>;
  /** Another minute of life; false when the stream has gone (FLUSHALL): open it again. */
  keepAlive(gateway: string): Promise<boolean>;
  /** Waits up to blockMs for entries after `lastId`. */
  read(gateway: string, lastId: string, blockMs: number): Promise<{ lastId: string; replies: Reply[] }>;
  /** Lets go of everything up to and including `lastId`, of which `bytes` were counted. */
  trim(gateway: string, lastId: string, bytes: number): Promise<void>;
  close(gateway: string): Promise<void>;
};

type Head = [id: string, outcome: string, text: string, hasOutput: number];

function parseEntry(fields: readonly Buffer[]): Reply[] {
  const heads = unpack(fields[1] ?? Buffer.from([0x90])) as Head[];
  let next = 3;
  return heads.map(([id, outcome, text, hasOutput]) => {
    const output = hasOutput === 1 ? fields[next] : undefined;
    if (hasOutput === 1) next += 2;
    return { id, outcome: outcome === 's' ? 'succeeded' : 'failed', text, output };
  });
}

/** The bytes that the scripts counted for these replies, so that the counter goes back by as much. */
export const countedBytes = (replies: readonly Reply[]): number =>
  replies.reduce((sum, reply) => sum + (reply.output?.byteLength ?? 0) + 100, 0);

export function createReplyStream({ commands, prefix, copies }: QueueSettings, reading: Blocking): ReplyStream {
  const { result } = copies ?? createCopyCount();
  return {
    async open(gateway) {
      const key = replyStreamKey(prefix, gateway);
      const id = await commands.xadd(key, '*', 'h', Buffer.from([0x90]));
      await commands.pipeline().pexpire(key, ALIVE_MS).set(`${key}:bytes`, 0, 'PX', ALIVE_MS).exec();
      return id ?? '0-0';
    },
    async keepAlive(gateway) {
      const key = replyStreamKey(prefix, gateway);
      await commands.pexpire(`${key}:bytes`, ALIVE_MS);
      return (await commands.pexpire(key, ALIVE_MS)) === 1;
    },
    async read(gateway, lastId, blockMs) {
      const key = replyStreamKey(prefix, gateway);
      const found = await reading.xreadBuffer('COUNT', READ_ENTRIES, 'BLOCK', blockMs, 'STREAMS', key, lastId);
      const entries = (found?.[0]?.[1] ?? []) as unknown as [Buffer, Buffer[]][];
      const last = entries.at(-1);
      const replies = entries.flatMap(([, fields]) => parseEntry(fields));
      for (const { output } of replies) {
        result.bytes += output?.byteLength ?? 0;
        result.redis += copiedByReply(output);
      }
      return { lastId: last ? last[0].toString() : lastId, replies };
    },
    async trim(gateway, lastId, bytes) {
      const key = replyStreamKey(prefix, gateway);
      const [ms = '0', sequence = '0'] = lastId.split('-');
      await commands
        .pipeline()
        .xtrim(key, 'MINID', `${ms}-${Number(sequence) + 1}`)
        .decrby(`${key}:bytes`, bytes)
        .exec();
    },
    async close(gateway) {
      const key = replyStreamKey(prefix, gateway);
      await commands.del(key, `${key}:bytes`);
    },
  };
}
