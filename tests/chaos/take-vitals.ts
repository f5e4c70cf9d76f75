/** Measures a world's vitals, and waits until they are as they were. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { Queue } from 'bullmq';

import { jobIndexKey } from '@batchyard/shared/contract/redis-keys';

import { rssBytes } from '../support/processes.ts';
import type { Violation } from './history.ts';
import { startLoad } from './load.ts';
import { seededRandom } from './random.ts';
import { createRecorder } from './recorder.ts';
import { MODELS } from './subjects.ts';
import { leftBehind, type Vitals } from './vitals.ts';
import type { World } from './world.ts';

const GOODPUT_OVER_MS = 4_000;
const AT_MOST = 1_000_000;
/** So long after its last disturbance everything is as before. */
const BACK_WITHIN_MS = 60_000;
const BETWEEN_MS = 1_000;

/**
 * Finished jobs are kept for their time, and so many events of each queue; without them Redis holds what the running system
 * needs. What BullMQ cleans leaves our index by and by, a hundred entries a sweep: here tens of thousands are cleaned.
 */
async function dropFinished({ redis, admin }: World): Promise<void> {
  for (const model of MODELS) {
    const queue = new Queue(`${model}@1`, { prefix: '{by0}', connection: { url: redis.url } });
    for (const state of ['completed', 'failed'] as const) await queue.clean(0, AT_MOST, state);
    await queue.trimEvents(0);
    await admin.del(jobIndexKey('{by0}', `${model}@1`));
    await queue.close();
  }
}

/** A short load of its own. @returns answers a second */
async function goodputOf({ system }: World): Promise<number> {
  const recorder = createRecorder(system.url);
  const load = startLoad(recorder, seededRandom(1));
  await pause(GOODPUT_OVER_MS);
  const answers = recorder.exchanges.filter(({ end }) => end?.kind === 'answer' && end.status < 300).length;
  await load.stop();
  await recorder.settle(BACK_WITHIN_MS);
  return (answers * 1_000) / GOODPUT_OVER_MS;
}

/**
 * Connections of clients to this port: an HTTP client keeps as many as it ever needed at once, for a minute and more, so
 * their number tells how long its requests once waited, not what the gateway has forgotten to close.
 */
function connectionsOfClients(url: string): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0');
  const established = new RegExp(`^ *\\d+: [0-9A-F]+:${port} [0-9A-F]+:[0-9A-F]+ 01 `);
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .filter((line) => established.test(line)).length;
}

/** The load comes first, so that what it leaves behind is in both measurements. */
export async function takeVitals(world: World): Promise<Vitals> {
  const goodput = await goodputOf(world);
  await dropFinished(world);
  const gateway = await world.gatewayPid();
  const used = /used_memory:(\d+)/.exec(await world.admin.info('memory'))?.[1];
  const files = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
  const clients = connectionsOfClients(world.system.url) + connectionsOfClients(world.system.ops);
  return {
    memoryBytes: rssBytes(gateway),
    descriptors: [gateway, ...world.workerPids()].reduce((sum, pid) => sum + files(pid), -clients),
    redisBytes: Number(used),
    goodput,
  };
}

/** @returns what is not as before a minute later; nothing as soon as all is */
export async function backAsBefore(world: World, before: Vitals): Promise<Violation[]> {
  const limit = Date.now() + BACK_WITHIN_MS;
  for (;;) {
    const found = leftBehind(before, await takeVitals(world));
    if (found.length === 0 || Date.now() > limit) return found;
    await pause(BETWEEN_MS);
  }
}
