/**
 * What Redis itself must do for a job, however it is told to: its hash is stored, read, written to and removed, its id goes
 * into a sorted set, out of its front, into a list and out of that. By plain commands, on the queue as it is, first in
 * first out; it eats what waits there.
 */
import type { Redis } from '@batchyard/shared/runtime/redis';

const JOBS_PER_CALL = 64;
const FIELDS = ['dl', 'q', 'kd', 'rw', 'gr', 'sg', 'stc', 'cx', 'gw', 'defa', 'ats', 'priority', 'in', 'dy'];

type Fields = readonly (string | Buffer)[];

async function anyJob(redis: Redis, base: string): Promise<{ score: number; fields: Fields }> {
  const [id = '', score = '0'] = (await redis.call(
    'ZRANGE',
    `${base}prioritized`,
    '-1',
    '-1',
    'WITHSCORES',
  )) as string[];
  const fields = await redis.hgetallBuffer(base + id);
  return { score: Number(score), fields: Object.entries(fields).flat() };
}

/** Pushes so many jobs through, batch by batch, with as many waiting as there are. */
export async function throughPlainRedis(redis: Redis, base: string, jobs: number): Promise<void> {
  const { score, fields } = await anyJob(redis, base);
  for (let done = 0; done < jobs; done += JOBS_PER_CALL) {
    const ids = Array.from({ length: JOBS_PER_CALL }, (_, i) => `floor-${done + i}`);
    const adding = redis.pipeline();
    for (const [i, id] of ids.entries()) {
      adding.call('HSET', base + id, ...fields);
      adding.zadd(`${base}prioritized`, score + done + i + 1, id);
    }
    await adding.exec();
    const taken = await redis.zrangebyscore(`${base}prioritized`, '-inf', '+inf', 'LIMIT', 0, JOBS_PER_CALL);
    const taking = redis.pipeline();
    for (const id of taken) {
      taking.hmgetBuffer(base + id, ...FIELDS);
      taking.set(`${base}${id}:lock`, 'floor', 'PX', 30_000);
      taking.hset(base + id, 'pb', 'floor', 'bt', '1', 'sc', '1', 'processedOn', '1', 'ats', '1');
    }
    taking.zrem(`${base}prioritized`, ...taken);
    taking.lpush(`${base}active`, ...taken);
    await taking.exec();
    const finishing = redis.pipeline();
    for (const id of taken) {
      finishing.lrem(`${base}active`, -1, id);
      finishing.del(base + id, `${base}${id}:lock`);
    }
    await finishing.exec();
  }
}
