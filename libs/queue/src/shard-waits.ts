/**
 * Waiting for work in several shards of a cluster at once: a connection blocks in each. The first that rings ends the
 * wait; the others go on blocking and serve the next one. A marker that is popped while nobody waits for its queue is put
 * back at once, so that whoever is free gets it.
 */
type Parts = {
  readonly shardOf: (queue: string) => number;
  /** Blocks in one shard, at most maxMs. @returns the queue that was woken */
  readonly waitIn: (shard: number, queues: readonly string[], maxMs: number) => Promise<string | undefined>;
  readonly handOn: (queue: string) => Promise<void>;
  /** After so many ms. @returns what calls it off */
  readonly after: (ms: number, call: () => void) => () => void;
  readonly now: () => number;
};

type Wait = {
  wants(queue: string): boolean;
  rung(queue: string): void;
  /** Nothing came in this shard, or it could not be asked. */
  ended(shard: number, error?: Error): void;
};

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

export function createShardWaits({ shardOf, waitIn, handOn, after, now }: Parts) {
  const blocked = new Set<number>();
  let wait: Wait | undefined;

  async function blockIn(shard: number, queues: readonly string[], maxMs: number): Promise<void> {
    try {
      const woken = await waitIn(shard, queues, maxMs);
      blocked.delete(shard);
      if (woken === undefined) wait?.ended(shard);
      else if (wait?.wants(woken)) wait.rung(woken);
      else await handOn(woken).catch(() => undefined);
    } catch (error) {
      blocked.delete(shard);
      wait?.ended(shard, asError(error));
    }
  }
  function block(shard: number, queues: readonly string[], maxMs: number): void {
    if (blocked.has(shard)) return;
    blocked.add(shard);
    void blockIn(shard, queues, maxMs);
  }

  /** One at a time. @throws where no shard can be asked */
  return (queues: readonly string[], maxMs: number): Promise<string | undefined> => {
    const until = now() + maxMs;
    const byShard = new Map<number, string[]>();
    for (const queue of queues) {
      const shard = shardOf(queue);
      byShard.set(shard, [...(byShard.get(shard) ?? []), queue]);
    }
    return new Promise((resolve, reject) => {
      const failed = new Set<number>();
      const cancel = after(maxMs, () => end(() => resolve(undefined)));
      const own: Wait = {
        wants: (queue) => queues.includes(queue),
        rung: (queue) => end(() => resolve(queue)),
        ended(shard, error) {
          const asked = byShard.get(shard);
          if (!asked) return;
          if (error) failed.add(shard);
          if (error && failed.size === byShard.size) end(() => reject(error));
          else if (!error && until > now()) block(shard, asked, until - now());
        },
      };
      function end(settle: () => void): void {
        if (wait === own) wait = undefined;
        cancel();
        settle();
      }
      wait = own;
      for (const [shard, asked] of byShard) block(shard, asked, maxMs);
    });
  };
}
