/** Webhooks on a Redis Cluster: each shard tells those of its own jobs. A call takes them from one shard, the next from another. */
import type { DueHook, Hooks } from './hooks.ts';

/** The first answer that is one, wherever it lies. @throws where there is none, and somewhere it could not be looked for */
export async function findIn<T, Answer>(
  places: readonly T[],
  look: (place: T) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  const asked = await Promise.allSettled(places.map(look));
  for (const one of asked) if (one.status === 'fulfilled' && one.value !== undefined) return one.value;
  const failed = asked.find((one) => one.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return undefined;
}

export function createClusterHooks(shards: readonly Hooks[]): Omit<Hooks, 'hookSecret'> {
  const takenFrom = new WeakMap<DueHook, Hooks>();
  let turn = 0;
  return {
    async takeHooks(room) {
      const first = turn;
      turn = (turn + 1) % shards.length;
      let failure: unknown;
      let left = false;
      for (const shard of [...shards.slice(first), ...shards.slice(0, first)]) {
        try {
          const taken = await shard.takeHooks(room);
          left ||= taken.left;
          if (taken.hooks.length === 0) continue;
          for (const due of taken.hooks) takenFrom.set(due, shard);
          // The others are asked by the next call.
          return { hooks: taken.hooks, left: true };
        } catch (error) {
          failure = error;
        }
      }
      if (failure !== undefined) throw failure;
      return { hooks: [], left };
    },
    settleHook: async (due, ...settled) => (await takenFrom.get(due)?.settleHook(due, ...settled)) ?? false,
    async pendingHooks() {
      const pending = await Promise.all(shards.map((shard) => shard.pendingHooks()));
      return pending.reduce((sum, one) => sum + one, 0);
    },
    hookLog: (id) => findIn(shards, (shard) => shard.hookLog(id)),
  };
}
