/** Part of the wiring: a loop for each of this gateway's reply streams, of which there is one a shard. */
import { countedBytes, type ReplyStream } from '@batchyard/queue/replies';

import { startReplyLoop, type ReplyLoop } from './queue/reply-loop.ts';
import type { Waiters } from './queue/waiters.ts';

type Parts = {
  readonly gateway: string;
  readonly streams: readonly ReplyStream[];
  readonly waiters: Waiters;
  readonly pause: (ms: number) => Promise<void>;
};

export async function openReplies({ gateway, streams, waiters, pause }: Parts): Promise<ReplyLoop> {
  const loops = await Promise.all(
    streams.map((stream, i) =>
      startReplyLoop({
        gateway,
        stream,
        countedBytes,
        deliver: (replies) => waiters.deliver(replies, i),
        afterGap: waiters.pollAll,
        pause,
      }),
    ),
  );
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
