/**
 * (e) More is asked than can be computed: open loop with mixed classes and deadlines at multiples of the capacity, which
 * is measured by closed loop first. What counts is what was answered within its deadline, and for whom.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Batchyard } from '../batchyard.ts';
import { MAX_BATCH } from '../model-rows.ts';
import type { Probe } from '../load/probe.ts';
import { timeToNormal } from '../load/probe.ts';
import type { RequestSpec } from '../load/requests.ts';
import { besideBusyCore } from '../overload/busy-core.ts';
import { attainment, classOf, offeredClasses, pointOf, withClass, type Point } from '../overload/offered-load.ts';
import { overloadPlot } from '../overload/overload-plot.ts';
import { fillOf, workerTotals } from '../overload/worker-totals.ts';
import { cpuSeconds, machineCpuSeconds } from '../processes/tree.ts';
import type { Stage } from '../stage.ts';
import { quantile } from '../statistics.ts';
import type { Served } from '../textbook/start.ts';
import { measureLoad, mixOf } from './http.ts';
import { checkModel } from './check-answers.ts';
import { memoryOf } from '../memory/by-role.ts';

const CONNECTIONS = 64;
const CALM = 0.7;
const PROBE_RATE = 25;
const PROBE_TIMEOUT_MS = 5_000;
const IN_A_ROW = 20;
const NORMAL_LIMIT_MS = 30_000;
const SEED = 11;
/** For each batch size: several runs of the longest. */
const SWEEP_MS = 200;
const SETTLE_MS = 100;
/** Windows of closed loop between two levels. */
const AGAIN = 3;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const heavySpec = (): RequestSpec => {
  const spec = mixOf('heavy', 'binary').specs[0];
  if (!spec) throw new Error('a mix of no requests');
  return spec;
};

type Windows = { readonly warmupMs: number; readonly ms: number; readonly count: number };

/** @returns requests/s, the best of several windows: others on the machine only ever take away */
async function closedLoop(stage: Stage, served: Served, windows: Windows): Promise<number> {
  const load = { connections: CONNECTIONS, mix: mixOf('heavy', 'binary'), measureMs: windows.ms };
  let best = 0;
  for (let i = 0; i < windows.count; i += 1) {
    const warmupMs = i === 0 ? windows.warmupMs : SETTLE_MS;
    best = Math.max(best, (await measureLoad(stage, served, { ...load, warmupMs })).rps);
  }
  return best;
}

/**
 * Requests/s by closed loop, and rows/s of onnxruntime alone at its best batch size; prints what batches gain, without which
 * there is nothing to win under overload.
 */
export async function measureCapacity(
  stage: Stage,
  served: Served,
  windows: Windows,
): Promise<{ readonly capacity: number; readonly rawRowsPerS: number; readonly bestBatch: number }> {
  const { figures, say } = stage;
  const raw = await stage.raw();
  await checkModel(raw, served.port, 'heavy');
  const best = await raw.ask('best', { model: 'heavy', ms: SWEEP_MS });
  figures.record('raw.heavy.rows_per_s', '/s', best.rowsPerS);
  figures.record('raw.heavy.gain', 'x', best.gain);
  const capacity = await closedLoop(stage, served, windows);
  const alone = `a row alone ${((1000 * best.gain) / best.rowsPerS).toFixed(1)} ms`;
  say(`heavy: ${alone}, batches of ${best.batch} gain ×${best.gain.toFixed(1)}; capacity ${capacity.toFixed(0)}/s`);
  return { capacity, rawRowsPerS: best.rowsPerS, bestBatch: best.batch };
}

async function probe(stage: Stage, served: Served, limitMs: number, withinMs?: number): Promise<Probe[]> {
  const spec = withClass(heavySpec(), 'normal', PROBE_TIMEOUT_MS);
  const until = withinMs === undefined ? {} : { until: { inARow: IN_A_ROW, withinMs } };
  return stage.generator().ask('probe', { port: served.port, spec, rate: PROBE_RATE, limitMs, ...until });
}

/** Of the machine, between two levels: it changes. */
type Speed = { readonly capacity: number; readonly rawRowsPerS: number };

async function runPoint(
  stage: Stage,
  served: Batchyard,
  load: Speed & { readonly factor: number; readonly seconds: number },
  normalMs: number,
): Promise<Point> {
  const { factor, seconds, capacity, rawRowsPerS } = load;
  const classes = offeredClasses(heavySpec(), capacity, factor);
  const generator = stage.generator();
  const pids = [process.pid, generator.pid, ...served.processes().map(({ pid }) => pid)];
  const others = (): number => machineCpuSeconds() - cpuSeconds(pids);
  const [othersBefore, startAt] = [others(), performance.now()];
  const totals = await workerTotals(served.ops);
  const running = generator.ask('mixed', { port: served.port, seconds, seed: SEED, classes });
  running.catch(() => undefined);
  await sleep(1000 * seconds);
  const best = { maxRows: MAX_BATCH.heavy, rowsPerS: rawRowsPerS };
  const after = await workerTotals(served.ops);
  const { fill, efficiency, ofRaw } = fillOf(totals, after, best);
  const unwanted = (100 * (after.unwanted - totals.unwanted)) / (after.rows - totals.rows);
  stage.figures.record(`overload.x${factor}.for_nobody_percent`, '%', unwanted);
  stage.figures.record(`overload.x${factor}.mean_fill`, '', fill);
  stage.figures.record(`overload.x${factor}.efficiency`, '', efficiency);
  stage.figures.record(`overload.x${factor}.rate_of_raw`, 'x', ofRaw);
  stage.say(`overload ×${factor}: batches ${(100 * fill).toFixed(0)} % full, efficiency ${efficiency.toFixed(2)}`);
  const othersCpu = (1000 * (others() - othersBefore)) / (performance.now() - startAt);
  // Those who still wait when the load ends are there while the system is probed.
  const probes = await probe(stage, served, NORMAL_LIMIT_MS, normalMs);
  return pointOf(load, await running, { othersCpu, normalAgainS: timeToNormal(probes, IN_A_ROW, normalMs) / 1000 });
}

function recordPoint({ figures, say }: Stage, point: Point, calm: Point | undefined): void {
  const name = `overload.x${point.factor}`;
  const { result } = point;
  const offered = result.classes.reduce((sum, each) => sum + each.offered, 0);
  const total = (key: 'refused' | 'expired' | 'late'): number =>
    (100 * result.classes.reduce((sum, each) => sum + each[key], 0)) / offered;
  figures.record(`${name}.goodput_of_capacity`, 'x', point.goodput / point.capacity);
  for (const each of result.classes) {
    figures.record(`${name}.${each.name}.in_time`, '', attainment(each));
    figures.record(`${name}.${each.name}.admitted_p99_ms`, 'ms', each.admitted.p99);
  }
  for (const key of ['refused', 'expired', 'late'] as const) figures.record(`${name}.${key}_percent`, '%', total(key));
  figures.record(`${name}.low.of_capacity`, 'x', point.lowGoodput / point.capacity);
  figures.record(`${name}.refusal_p99_ms`, 'ms', result.refusals.p99);
  figures.record(`${name}.normal_again_s`, 's', point.normalAgainS);
  figures.record(`${name}.others_cpu`, 'cores', point.othersCpu);
  figures.record(`${name}.generator_cpu_s_per_1000`, 's', (1000 * result.generatorCpuS) / offered);
  figures.record(`${name}.send_delay_p99_ms`, 'ms', result.sendDelay.p99);
  const failures = result.classes.flatMap((each) => Object.values(each.failures)).reduce((sum, n) => sum + n, 0);
  figures.record(`${name}.failed`, '', failures);
  if (calm && point !== calm) {
    const ratio = classOf(point, 'critical').admitted.p99 / classOf(calm, 'critical').admitted.p99;
    figures.record(`${name}.critical.p99_of_calm`, 'x', ratio);
  }
  const inTime = result.classes.map((each) => `${each.name} ${(100 * attainment(each)).toFixed(1)} %`).join(', ');
  const goodput = `goodput ${point.goodput.toFixed(0)}/s (${(100 * (point.goodput / point.capacity)).toFixed(0)} % of the capacity)`;
  const shares = `refused ${total('refused').toFixed(1)} %, expired ${total('expired').toFixed(1)} %`;
  const others = `others on the machine used ${point.othersCpu.toFixed(1)} cores`;
  say(`overload ×${point.factor}: ${goodput}; in time: ${inTime}; ${shares}; ${others}`);
  const reasons = result.classes.filter((each) => Object.keys(each.failures).length > 0);
  for (const each of reasons) say(`overload ×${point.factor}: ${each.name} failed: ${JSON.stringify(each.failures)}`);
}

export async function runOverloadSuite(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const { capacity: windows, factors, seconds, probeMs } = plan.overload;
  say('starting Batchyard with heavy');
  const served = await stage.batchyard('heavy');
  const { capacity, bestBatch } = await measureCapacity(stage, served, windows);
  const raw = await stage.raw();
  const beside = await besideBusyCore(async () => (await raw.ask('best', { model: 'heavy', ms: SWEEP_MS })).rowsPerS);
  figures.record('raw.heavy.beside_a_busy_core', 'x', beside);
  const calmMs = (await probe(stage, served, probeMs)).map(({ ms }) => ms);
  const calmP99 = quantile(calmMs, 0.99);
  figures.record('overload.probe_p99_ms', 'ms', calmP99);
  const memoryBefore = memoryOf(served).roles;
  const again = { warmupMs: SETTLE_MS, ms: windows.ms / 2, count: AGAIN };
  const speedNow = async (): Promise<Speed> => ({
    capacity: await closedLoop(stage, served, again),
    rawRowsPerS: await raw.ask('rate', { model: 'heavy', batch: bestBatch, ms: SWEEP_MS }),
  });
  const points: Point[] = [];
  const speeds = [await speedNow()];
  for (const factor of factors) {
    const before = speeds.at(-1) as Speed;
    const point = await runPoint(stage, served, { factor, seconds, ...before }, 2 * calmP99);
    const after = await speedNow();
    speeds.push(after);
    points.push({ ...point, capacity: (before.capacity + after.capacity) / 2 });
    figures.record(`overload.x${factor}.capacity_before`, '/s', before.capacity);
    figures.record(`overload.x${factor}.capacity_after`, '/s', after.capacity);
    say(`overload ×${factor}: normal again after ${point.normalAgainS.toFixed(1)} s`);
  }
  figures.record('overload.capacity', '/s', capacity);
  const calm = points.find(({ factor }) => factor === CALM);
  for (const point of points) recordPoint(stage, point, calm);
  for (const [role, mb] of memoryOf(served).roles) {
    figures.record(`overload.memory.${role}.before_mb`, 'MB', memoryBefore.get(role) ?? Number.NaN);
    figures.record(`overload.memory.${role}.after_mb`, 'MB', mb);
  }
  await served.stop();
  if (stage.plotFolder === undefined) return;
  await mkdir(stage.plotFolder, { recursive: true });
  await writeFile(join(stage.plotFolder, 'overload.svg'), overloadPlot(points));
}
