/**
 * (j) What the cache brings and costs. Gateways with and without it take turns on one system, so that both have the same
 * worker, session and Redis; before each turn all that was kept is forgotten.
 *
 * Repeated inputs: the k-th of them is asked for k^-exponent times as often as the first, and the gateway's own memory holds
 * a part of them. The rate of hits counts from the cold start on. Rates are those of a closed loop; as it asks the sooner the
 * faster it is answered, latencies are told of an open one as well, at half of what is answered without a cache.
 *
 * Unique inputs: CPU seconds of the gateway that is asked, the worker and Redis, as ratios within a round, in which each has
 * its turn on the way there and on the way back. Two processes that do the same differ by more than is looked for here, so
 * the same gateway is asked for the same model without `response_cache` too, and that ratio counts; the one to the gateway
 * without a cache is told beside it. That unique inputs soon pass the cache by is the product's own doing, and told.
 */
import { until } from '../../tests/support/system.ts';
import { startBatchyard, type Batchyard } from '../batchyard.ts';
import {
  countsBetween,
  countsOf,
  hitRate,
  NO_COUNTS,
  requestsOf,
  sumOfCounts,
  type CacheCounts,
} from '../cache/cache-counts.ts';
import { plainName, writeCachedModel } from '../cache/cached-models.ts';
import type { RequestMix } from '../load/requests.ts';
import { attempts } from '../load/tally.ts';
import { expectedDistinct, type Zipf } from '@batchyard/loadtest/plan/zipf';
import type { BenchModel } from '../model-rows.ts';
import { startGateway, type Gateway } from '../processes/gateway.ts';
import { median, quantile } from '../statistics.ts';
import type { Stage } from '../stage.ts';
import type { Served } from '../textbook/start.ts';
import { measureLoad, mixOf, type Measured } from './http.ts';

const CONNECTIONS = 64;
const ZIPF_MODEL = 'mid';
/** Of `mlp` next to nothing is computed: no other pays more for what is done around a run. */
const UNIQUE_MODELS = ['mid', 'mlp'] as const;
const SEED = 41;

/** Which gateway is asked: `plain` is the one with a cache, asked for the model whose results may not be kept. */
const GATEWAYS = { on: 'on', plain: 'on', off: 'off' } as const;
type Mode = keyof typeof GATEWAYS;
const MODES = Object.keys(GATEWAYS) as Mode[];
type Turn = { readonly measured: Measured; readonly counts: CacheCounts };

/** What is measured at a gateway: it, the workers and Redis, and neither the supervisor nor its own gateway. */
function servedBy(system: Batchyard, gateway: Gateway): Served {
  const shared = system.processes().filter(({ role }) => role === 'worker' || role === 'redis');
  return {
    port: gateway.port,
    processes: () => [{ pid: gateway.pid, role: 'gateway' }, ...shared],
    stop: gateway.stop,
  };
}

const look = async ({ ops }: Gateway): Promise<CacheCounts> =>
  countsOf((await (await fetch(`${ops}/v1/cache`)).json()) as Parameters<typeof countsOf>[0]);
async function forget({ ops }: Gateway): Promise<void> {
  const answer = await fetch(`${ops}/v1/cache`, { method: 'DELETE' });
  if (answer.status !== 200) throw new Error(await answer.text());
}

type Contest = {
  /** One window of load at one of them, from a cold cache on. */
  turn(
    mode: Mode,
    load: { readonly mix: RequestMix; readonly warmupMs: number; readonly measureMs: number },
  ): Promise<Turn>;
  /** The same in an open loop, from when each should have been sent. */
  offer(
    mode: Mode,
    load: { readonly mix: RequestMix; readonly rate: number; readonly seconds: number },
  ): Promise<{ readonly p50: number; readonly p99: number; readonly failed: number }>;
  /** Whether requests for the model pass by the one cache there is. */
  passedBy(): Promise<boolean>;
  stop(): Promise<void>;
};

async function startContest(stage: Stage, model: BenchModel): Promise<Contest> {
  const { cleanup, plan, say, env: given } = stage;
  say(`starting Batchyard with ${model}, and gateways with and without a cache`);
  const names = [model, plainName(model)];
  const starting = startBatchyard(await writeCachedModel(model), names, given);
  cleanup.add(async () => (await starting).stop());
  const system = await starting;
  async function start(cache: 'on' | 'off'): Promise<Gateway> {
    const env = { ...given, BATCHYARD_CACHE: cache, BATCHYARD_CACHE_BYTES: String(plan.cache.memoryBytes) };
    const gateway = await startGateway(system.redis, env);
    cleanup.add(gateway.stop);
    for (const name of names)
      await until(`${name} is ready`, async () =>
        (await fetch(`http://127.0.0.1:${gateway.port}/v2/models/${name}/ready`)).status === 200 ? true : undefined,
      );
    return gateway;
  }
  const gateways = { on: await start('on'), off: await start('off') };
  const gatewayOf = (mode: Mode): Gateway => gateways[GATEWAYS[mode]];
  return {
    async turn(mode, { mix, ...load }) {
      const gateway = gatewayOf(mode);
      const specs = mode === 'plain' ? mix.specs.map((spec) => ({ ...spec, model: plainName(model) })) : mix.specs;
      await forget(gateway);
      const before = await look(gateway);
      const asked = { connections: CONNECTIONS, mix: { ...mix, specs }, ...load };
      const measured = await measureLoad(stage, servedBy(system, gateway), asked);
      const failed = attempts(measured) - measured.succeeded;
      if (failed > 0) say(`${mode}: ${failed} failed: ${JSON.stringify(measured.failures)}`);
      return { measured, counts: countsBetween(before, await look(gateway)) };
    },
    async offer(mode, load) {
      const gateway = gatewayOf(mode);
      await forget(gateway);
      const { latencies, failed } = await stage.generator().ask('open', { port: gateway.port, ...load });
      return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), failed };
    },
    async passedBy() {
      const { bypassed } = (await (await fetch(`${gateways.on.ops}/v1/cache`)).json()) as { bypassed: string[] };
      return bypassed.length > 0;
    },
    async stop() {
      for (const gateway of Object.values(gateways)) await gateway.stop();
      await system.stop();
    },
  };
}

/** What a fresh process compiles is not measured. */
async function warmUp(contest: Contest, modes: readonly Mode[], mix: RequestMix, ms: number): Promise<void> {
  for (const mode of modes) await contest.turn(mode, { mix, warmupMs: 0, measureMs: ms });
}

async function measureRepeated(stage: Stage, contest: Contest): Promise<void> {
  const { figures, plan, say } = stage;
  const { exponent, inputs, zipfRounds, zipfMs, warmupMs, firstWarmupMs } = plan.cache;
  const zipf: Zipf = { exponent, inputs, seed: SEED };
  const mix = { ...mixOf(ZIPF_MODEL, 'json'), zipf };
  const rates = { on: [] as number[], off: [] as number[] };
  await warmUp(contest, ['on', 'off'], mix, firstWarmupMs);
  for (let round = 0; round < zipfRounds; round += 1) {
    for (const mode of round % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const)) {
      const { measured, counts } = await contest.turn(mode, { mix, warmupMs, measureMs: zipfMs });
      const name = `cache.zipf.${mode}`;
      rates[mode].push(measured.rps);
      figures.record(`${name}.rps`, '/s', measured.rps);
      figures.record(`${name}.p50_ms`, 'ms', measured.latency.p50);
      figures.record(`${name}.p99_ms`, 'ms', measured.latency.p99);
      figures.record(`${name}.cpu_s_per_1000`, 's', measured.cpuPer1000);
      say(`${name}: ${measured.rps.toFixed(0)}/s, p99 ${measured.latency.p99.toFixed(1)} ms`);
      if (mode === 'on') recordHits(stage, zipf, counts);
    }
    figures.record('cache.zipf.rps_ratio', 'x', (rates.on.at(-1) ?? Number.NaN) / (rates.off.at(-1) ?? Number.NaN));
  }
  for (const mode of ['off', 'on'] as const) {
    const rate = median(rates.off) / 2;
    const { p50, p99, failed } = await contest.offer(mode, { mix, rate, seconds: zipfMs / 1000 });
    figures.record(`cache.zipf.${mode}.half.p50_ms`, 'ms', p50);
    figures.record(`cache.zipf.${mode}.half.p99_ms`, 'ms', p99);
    figures.record(`cache.zipf.${mode}.half.failed`, '', failed);
    say(`cache.zipf.${mode}, ${rate.toFixed(0)}/s offered: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`);
  }
}

function recordHits({ figures, say }: Stage, zipf: Zipf, counts: CacheCounts): void {
  const requests = requestsOf(counts);
  figures.record('cache.zipf.hit_rate', '', hitRate(counts));
  // Each input has to be computed once.
  figures.record('cache.zipf.possible_hit_rate', '', 1 - expectedDistinct(zipf, requests) / requests);
  figures.record('cache.zipf.requests', '', requests);
  for (const how of ['memory', 'redis', 'shared', 'computed', 'passed'] as const)
    figures.record(`cache.zipf.${how}_share`, '', counts[how] / requests);
  say(`of ${requests} requests: ${JSON.stringify(counts)}, hit rate ${hitRate(counts).toFixed(3)}`);
}

/** Each in its turn on the way there and on the way back, and each is first, second and last equally often. */
function wayAndBack(round: number): Mode[] {
  const way = MODES.map((_, i) => MODES[(i + round) % MODES.length] ?? 'on');
  return [...way, ...way.toReversed()];
}

async function measureUnique(stage: Stage, contest: Contest, model: BenchModel): Promise<void> {
  const { figures, plan, say } = stage;
  const { uniqueRounds, uniqueMs, warmupMs, firstWarmupMs } = plan.cache;
  const mix = mixOf(model, 'json');
  const name = `cache.unique.${model}`;
  const ratios: number[] = [];
  await warmUp(contest, MODES, mix, firstWarmupMs);
  for (let round = 0; round < uniqueRounds; round += 1) {
    const sums = { on: { cpuS: 0, done: 0 }, plain: { cpuS: 0, done: 0 }, off: { cpuS: 0, done: 0 } };
    let counts = NO_COUNTS;
    for (const mode of wayAndBack(round)) {
      const turn = await contest.turn(mode, { mix, warmupMs, measureMs: uniqueMs });
      sums[mode].cpuS += (turn.measured.cpuPer1000 * turn.measured.succeeded) / 1000;
      sums[mode].done += turn.measured.succeeded;
      if (mode === 'on') counts = sumOfCounts(counts, turn.counts);
    }
    const costOf = (mode: Mode): number => (1000 * sums[mode].cpuS) / sums[mode].done;
    for (const mode of MODES) figures.record(`${name}.${mode}.cpu_s_per_1000`, 's', costOf(mode));
    ratios.push(costOf('on') / costOf('plain'));
    const toOff = costOf('on') / costOf('off');
    figures.record(`${name}.cpu_ratio`, 'x', ratios.at(-1) ?? Number.NaN);
    figures.record(`${name}.cpu_ratio_to_off`, 'x', toOff);
    figures.record(`${name}.hit_rate`, '', hitRate(counts));
    figures.record(`${name}.passed_share`, '', counts.passed / requestsOf(counts));
    const passedBy = await contest.passedBy();
    figures.record(`${name}.passed_by`, '', passedBy ? 1 : 0);
    say(
      `${name}: with a cache ${costOf('on').toFixed(3)} s of CPU per 1,000 requests${passedBy ? ', passed by' : ''}: ${ratios.at(-1)?.toFixed(3)} of plain, ${toOff.toFixed(3)} of off`,
    );
  }
  figures.record(`${name}.cpu_ratio_least`, 'x', Math.min(...ratios));
  figures.record(`${name}.cpu_ratio_most`, 'x', Math.max(...ratios));
}

export async function runCacheSuite(stage: Stage): Promise<void> {
  const repeated = await startContest(stage, ZIPF_MODEL);
  await measureRepeated(stage, repeated);
  await repeated.stop();
  for (const model of UNIQUE_MODELS) {
    const contest = await startContest(stage, model);
    await measureUnique(stage, contest, model);
    await contest.stop();
  }
}
