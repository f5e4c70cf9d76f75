/**
 * (i) Whether memory stays where it is: mixed load in open loop at seven tenths of the capacity, of several models, forms,
 * classes and ways of asking, while every process and Redis' data are looked at; then nothing, until retention is over.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Redis } from '@batchyard/shared/runtime/redis';

import { startBatchyard, type Batchyard } from '../batchyard.ts';
import type { JobResult } from '../load/job-load.ts';
import type { MixedResult } from '../load/mixed-load.ts';
import { memoryPlot } from '../memory/memory-plot.ts';
import { MIXED_MODELS, writeMixedModels } from '../memory/mixed-models.ts';
import { capacityMix, offeredMix } from '../memory/offered.ts';
import { keysLeft, type Left } from '../memory/redis-keys-left.ts';
import { courseOf, type Point } from '../memory/series.ts';
import { connectTo, usedMb, watchMemory } from '../memory/watch.ts';
import { cpuSeconds } from '../processes/tree.ts';
import type { Stage } from '../stage.ts';
import { measureLoad } from './http.ts';

const CONNECTIONS = 64;
const OF_CAPACITY = 0.7;
const SEED = 31;
/** After results and then their tombstones: the sweep that takes them, and replies that were read. */
const SETTLE_S = 10;
/** Redis' data may be so much larger afterwards, beside what is bounded by its number: the events of each queue, the hour of samples. */
const KEPT_SHARE = 0.1;
const KEPT_LEAST_MB = 1;
const STREAMS = { events: '<queue>:events', samples: 'x:samples', seconds: 'x:seconds' };
/** Courses that are held to be flat; the others are told. */
const FLAT = /\.(pss|heap|used)$/;

const sleep = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function start({ plan, cleanup, env: given }: Stage): Promise<Batchyard> {
  const { retentionS } = plan.memory;
  const env = {
    ...given,
    BATCHYARD_RESULT_TTL: String(retentionS),
    BATCHYARD_CACHE: 'on',
    BATCHYARD_CACHE_TTL: String(retentionS),
  };
  const starting = startBatchyard(await writeMixedModels(), MIXED_MODELS, env);
  cleanup.add(async () => (await starting).stop());
  return starting;
}

/** Seven tenths of the requests/s by closed loop, the best of several, as others on the machine only ever take away. */
async function offeredRate(stage: Stage, served: Batchyard): Promise<number> {
  if (stage.plan.memory.rate !== undefined) return stage.plan.memory.rate;
  const { warmupMs, ms, count } = stage.plan.memory.capacity;
  let capacity = 0;
  for (let i = 0; i < count; i += 1) {
    const load = { connections: CONNECTIONS, mix: capacityMix(), measureMs: ms, warmupMs: i === 0 ? warmupMs : 0 };
    capacity = Math.max(capacity, (await measureLoad(stage, served, load)).rps);
  }
  stage.figures.record('steady.capacity', '/s', capacity);
  stage.say(`capacity ${capacity.toFixed(0)}/s`);
  return OF_CAPACITY * capacity;
}

/** The load until its end, watched once it has warmed up. */
async function underLoad(stage: Stage, served: Batchyard, redis: Redis, rate: number) {
  const { warmupS, minutes, sampleMs } = stage.plan.memory;
  const seconds = 60 * minutes;
  const watch = await watchMemory(served, redis, sampleMs);
  const { classes, jobs } = offeredMix(rate);
  const load = { port: served.port, seconds: warmupS + seconds, seed: SEED };
  const running = Promise.all([
    stage.generator().ask('mixed', { ...load, classes }),
    stage.generator().ask('jobs', { ...load, jobs }),
  ]);
  running.catch(() => undefined);
  await sleep(warmupS);
  const pids = [stage.generator().pid, ...served.processes().map(({ pid }) => pid)];
  const cpuBefore = cpuSeconds(pids);
  watch.start();
  await sleep(seconds);
  await watch.stop();
  const cores = (cpuSeconds(pids) - cpuBefore) / seconds;
  const [sync, ways] = await running;
  return { series: watch.series(), seconds, cores, sync, ways };
}

function recordCourses({ figures, say }: Stage, series: ReadonlyMap<string, readonly Point[]>, seconds: number): void {
  for (const [name, points] of series) {
    const { start: from, middle, end, slopePerHour, gain, trend } = courseOf(points, seconds);
    figures.record(`steady.${name}.start_mb`, 'MB', from);
    figures.record(`steady.${name}.middle_mb`, 'MB', middle);
    figures.record(`steady.${name}.end_mb`, 'MB', end);
    figures.record(`steady.${name}.slope_mb_per_hour`, 'MB/h', slopePerHour);
    say(`${name}: ${[from, middle, end].map((mb) => mb.toFixed(1)).join(' → ')} MB, ${slopePerHour.toFixed(1)} MB/h`);
    if (!FLAT.test(name)) continue;
    figures.record(`steady.${name}.gain`, 'x', gain);
    figures.record(`steady.${name}.trend`, 'x', trend);
  }
}

function recordTraffic({ figures, say }: Stage, sync: MixedResult, ways: JobResult): void {
  const total = (of: (each: MixedResult['classes'][number]) => number): number =>
    sync.classes.reduce((sum, each) => sum + of(each), 0);
  const offered = total((each) => each.offered);
  figures.record('steady.requests', '', offered);
  figures.record('steady.in_time', '', total((each) => each.inTime) / offered);
  figures.record('steady.refused', '', total((each) => each.refused) + ways.refused);
  figures.record(
    'steady.expired',
    '',
    total((each) => each.expired),
  );
  const failures = sync.classes.flatMap((each) => Object.entries(each.failures));
  for (const [why, count] of [...failures, ...Object.entries(ways.unexpected)]) say(`${count} × ${why}`);
  const unexpected = [...failures.map(([, count]) => count), ...Object.values(ways.unexpected)];
  figures.record(
    'steady.unexpected',
    '',
    unexpected.reduce((sum, count) => sum + count, 0),
  );
  for (const [kind, count] of Object.entries(ways.ended)) {
    figures.record(`steady.jobs.${kind.replaceAll(' ', '_')}`, '', count);
  }
}

/** Until results and then their tombstones have gone: what Redis holds then, beside what it held before any load. */
async function recordRetention({ figures, plan, say }: Stage, redis: Redis, baseMb: number): Promise<void> {
  await sleep(2 * plan.memory.retentionS + SETTLE_S);
  const afterMb = await usedMb(redis);
  figures.record('steady.redis.base_mb', 'MB', baseMb);
  figures.record('steady.redis.after_retention_mb', 'MB', afterMb);
  const left = await keysLeft(redis);
  for (const { kind, keys, mb } of left.slice(0, 6)) say(`left in Redis: ${keys} ${kind}, ${mb.toFixed(3)} MB`);
  const leftOf = (name: string): Left | undefined => left.find(({ kind }) => kind === name);
  let streamsMb = 0;
  for (const [name, kind] of Object.entries(STREAMS)) {
    const mb = leftOf(kind)?.mb ?? 0;
    figures.record(`steady.redis.${name}_mb`, 'MB', mb);
    streamsMb += mb;
  }
  const allowedMb = Math.max(KEPT_LEAST_MB, KEPT_SHARE * baseMb);
  figures.record('steady.redis.kept_after', 'x', (afterMb - streamsMb - baseMb) / allowedMb);
  figures.record('steady.redis.jobs_left', '', leftOf('<queue>:<job>')?.keys ?? 0);
}

export async function runMemorySuite(stage: Stage): Promise<void> {
  const { figures, say } = stage;
  say(`starting Batchyard with ${MIXED_MODELS.join(', ')}`);
  const served = await start(stage);
  const redis = await connectTo(served.redis);
  try {
    const baseMb = await usedMb(redis);
    const rate = await offeredRate(stage, served);
    say(`offered ${rate.toFixed(0)}/s`);
    const { series, seconds, cores, sync, ways } = await underLoad(stage, served, redis, rate);
    figures.record('steady.offered', '/s', rate);
    figures.record('steady.minutes', 'min', seconds / 60);
    figures.record('steady.cores', 'cores', cores);
    recordTraffic(stage, sync, ways);
    recordCourses(stage, series, seconds);
    await recordRetention(stage, redis, baseMb);
    if (stage.plotFolder !== undefined) {
      await mkdir(stage.plotFolder, { recursive: true });
      await writeFile(join(stage.plotFolder, 'memory.svg'), memoryPlot(series, seconds));
    }
  } finally {
    redis.disconnect();
  }
  await served.stop();
}
