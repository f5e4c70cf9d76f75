/** What each worker holds of a queue at one moment, and how old the oldest waiting job is: read from Redis in one step. */
import type { Redis } from '@batchyard/shared/runtime/redis';

export type InFlight = {
  readonly held: ReadonlyMap<string, number>;
  readonly waiting: number;
  readonly oldestMs: number;
};

const LOOK = `
local base = KEYS[1]
local held = {}
for _, id in ipairs(redis.call('LRANGE', base .. 'active', 0, -1)) do
  local owner = redis.call('HGET', base .. id, 'pb') or '?'
  held[owner] = (held[owner] or 0) + 1
end
local flat = {}
for owner, count in pairs(held) do flat[#flat + 1] = owner; flat[#flat + 1] = count end
local t = redis.call('TIME')
local first = redis.call('ZRANGE', base .. 'prioritized', 0, 0)[1]
local q = first and tonumber(redis.call('HGET', base .. first, 'q'))
local age = q and (t[1] * 1000 + math.floor(t[2] / 1000) - q) or 0
return { redis.call('ZCARD', base .. 'prioritized'), age, flat }
`;

export async function inFlightByWorker(admin: Redis, queue: string): Promise<InFlight> {
  const [waiting, oldestMs, flat] = (await admin.eval(LOOK, 1, `{by0}:${queue}:`)) as [
    number,
    number,
    (string | number)[],
  ];
  const held = new Map<string, number>();
  for (let i = 0; i < flat.length; i += 2) held.set(String(flat[i]), Number(flat[i + 1]));
  return { held, waiting, oldestMs };
}

/** Looks again and again while `work` is done. */
export async function watchInFlight(admin: Redis, queue: string, work: () => Promise<unknown>): Promise<InFlight[]> {
  const seen: InFlight[] = [];
  let working = true;
  const done = work().finally(() => (working = false));
  while (working) {
    seen.push(await inFlightByWorker(admin, queue));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await done;
  return seen;
}
