/**
 * Reads this gateway's reply stream for as long as the gateway lives. When Redis was away it makes the stream again where
 * it has gone, reads on from where it stood, and has everything polled that still waits.
 */
import type { Reply } from '@batchyard/queue/operations';

type Stream = {
  open(gateway: string): Promise<string>;
  keepAlive(gateway: string): Promise<boolean>;
  read(gateway: string, lastId: string, blockMs: number): Promise<{ lastId: string; replies: Reply[] }>;
  trim(gateway: string, lastId: string, bytes: number): Promise<void>;
  close(gateway: string): Promise<void>;
};

type Parts = {
  readonly gateway: string;
  readonly stream: Stream;
  readonly countedBytes: (replies: readonly Reply[]) => number;
  readonly deliver: (replies: readonly Reply[]) => void;
  readonly afterGap: () => void;
  readonly pause: (ms: number) => Promise<void>;
};

const BLOCK_MS = 1_000;
const RETRY_MS = 100;
const KEEP_ALIVE_MS = 10_000;
const TRIM_MS = 250;
const TRIM_BYTES = 1_048_576;

export type ReplyLoop = { stop(): Promise<void> };

export async function startReplyLoop({
  gateway,
  stream,
  countedBytes,
  deliver,
  afterGap,
  pause,
}: Parts): Promise<ReplyLoop> {
  let lastId = await stream.open(gateway);
  let running = true;
  let aliveAt = performance.now();
  let trimmedAt = aliveAt;
  let unread = 0;

  async function keepAlive(): Promise<void> {
    if (performance.now() - aliveAt < KEEP_ALIVE_MS) return;
    aliveAt = performance.now();
    if (await stream.keepAlive(gateway)) return;
    lastId = await stream.open(gateway);
    afterGap();
  }

  /** What was read goes now and then, not after each read. */
  function trim(): void {
    const now = performance.now();
    if (unread === 0 || (unread < TRIM_BYTES && now - trimmedAt < TRIM_MS)) return;
    void stream.trim(gateway, lastId, unread).catch(() => undefined);
    unread = 0;
    trimmedAt = now;
  }

  async function loop(): Promise<void> {
    let broken = false;
    while (running) {
      try {
        if (broken) {
          if (!(await stream.keepAlive(gateway))) lastId = await stream.open(gateway);
          afterGap();
          broken = false;
        }
        const read = await stream.read(gateway, lastId, BLOCK_MS);
        lastId = read.lastId;
        deliver(read.replies);
        unread += countedBytes(read.replies);
        trim();
        await keepAlive();
      } catch {
        broken = true;
        await pause(RETRY_MS);
      }
    }
  }
  const ended = loop();
  return {
    async stop() {
      running = false;
      await Promise.race([ended, pause(BLOCK_MS + RETRY_MS)]);
      await stream.close(gateway).catch(() => undefined);
    },
  };
}
