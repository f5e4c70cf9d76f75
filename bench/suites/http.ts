/**
 * (b) Requests over HTTP: Batchyard in JSON and binary, the textbook design in JSON, and onnxruntime alone take turns,
 * model by model and connection count by connection count; ratios are taken within a round.
 */
import type { Form, RequestMix } from '../load/requests.ts';
import { attempts, type LoadResult } from '../load/tally.ts';
import { ROW_SHAPE, type BenchModel } from '../model-rows.ts';
import { cpuSeconds } from '../processes/tree.ts';
import type { HttpCase } from '../plan.ts';
import type { Stage, Systems } from '../stage.ts';
import type { Served } from '../textbook/start.ts';
import { measureAutocannon } from './autocannon.ts';
import { checkAnswers } from './check-answers.ts';
import { recordMemory } from '../memory/by-role.ts';

export type Measured = LoadResult & {
  readonly rps: number;
  /** CPU seconds of all the system's processes for 1,000 answers. */
  readonly cpuPer1000: number;
};

export const mixOf = (model: BenchModel, form: Form): RequestMix => ({
  specs: [{ model, form, inputs: [{ name: 'INPUT', datatype: 'FP32', shape: [1, ...ROW_SHAPE[model]] }] }],
  repeatEvery: 0,
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One window of closed-loop load on a system. */
export async function measureLoad(
  stage: Stage,
  served: Served,
  load: {
    readonly connections: number;
    readonly mix: RequestMix;
    readonly warmupMs: number;
    readonly measureMs: number;
  },
): Promise<Measured> {
  const generator = stage.generator();
  const pids = served.processes().map(({ pid }) => pid);
  await generator.ask('start', { port: served.port, connections: load.connections, mix: load.mix });
  await sleep(load.warmupMs);
  const cpuBefore = cpuSeconds(pids);
  const result = await generator.ask('measure', { ms: load.measureMs });
  const cpuS = cpuSeconds(pids) - cpuBefore;
  await generator.ask('stop');
  const rps = result.succeeded / result.seconds;
  return { ...result, rps, cpuPer1000: (1000 * cpuS) / result.succeeded };
}

function record(stage: Stage, name: string, measured: Measured): void {
  const { figures, say } = stage;
  const failed = attempts(measured) - measured.succeeded;
  figures.record(`${name}.rps`, '/s', measured.rps);
  figures.record(`${name}.p50_ms`, 'ms', measured.latency.p50);
  figures.record(`${name}.p99_ms`, 'ms', measured.latency.p99);
  figures.record(`${name}.cpu_s_per_1000`, 's', measured.cpuPer1000);
  figures.record(`${name}.generator_cpu`, 'cores', measured.generatorCpuS / measured.seconds);
  figures.record(`${name}.failed`, '', failed);
  const trouble = failed > 0 ? `, failed: ${JSON.stringify(measured.failures)}` : '';
  say(`${name}: ${measured.rps.toFixed(0)}/s, p99 ${measured.latency.p99.toFixed(1)} ms${trouble}`);
}

const textbookRuns = ({ plan }: Stage, { model, connections }: HttpCase): boolean =>
  plan.http.textbook === 'all' || plan.http.textbook.includes(`${model}:${connections}`);

async function runCase(stage: Stage, { model, forms, connections }: HttpCase, rawRate: number): Promise<void> {
  const { figures, plan } = stage;
  const { batchyard, textbook } = await stage.serving(model);
  const load = { connections, warmupMs: plan.http.warmupMs, measureMs: plan.http.measureMs };
  const rates = new Map<Form, number>();
  for (const form of forms) {
    const name = `http.${model}.${form}.c${connections}`;
    const measured = await measureLoad(stage, batchyard, { ...load, mix: mixOf(model, form) });
    record(stage, name, measured);
    figures.record(`${name}.of_raw`, 'x', measured.rps / rawRate);
    rates.set(form, measured.rps);
    if (model === 'mid' && connections === 64) recordMemory(stage, 'memory', batchyard);
  }
  if (!textbookRuns(stage, { model, forms, connections })) return;
  const measured = await measureLoad(stage, textbook, { ...load, mix: mixOf(model, 'json') });
  record(stage, `textbook.${model}.json.c${connections}`, measured);
  if (model === 'mid' && connections === 64) recordMemory(stage, 'textbook.memory', textbook);
  for (const [form, rate] of rates) {
    figures.record(`http.${model}.${form}.c${connections}.vs_textbook`, 'x', rate / measured.rps);
  }
}

/** What will be measured runs for a while first: compilers of a fresh process would be measured otherwise. */
async function warmUp(stage: Stage, { batchyard, textbook }: Systems, cases: readonly HttpCase[]): Promise<void> {
  const load = { connections: 64, warmupMs: 0, measureMs: stage.plan.http.firstWarmupMs };
  for (const { model, forms } of cases.slice(0, 1)) {
    for (const form of forms) await measureLoad(stage, batchyard, { ...load, mix: mixOf(model, form) });
    if (!cases.some((one) => textbookRuns(stage, one))) continue;
    await measureLoad(stage, textbook, { ...load, mix: mixOf(model, 'json') });
  }
}

/** The batch size at which raw onnxruntime is best, while both systems have nothing to do. */
async function bestBatch({ raw, figures, plan, say }: Stage, model: BenchModel, idle: Served): Promise<number> {
  const helper = await raw();
  const pids = idle.processes().map(({ pid }) => pid);
  const [cpu, at] = [cpuSeconds(pids), performance.now()];
  const { batch } = await helper.ask('best', { model, ms: plan.http.rawSweepMs });
  figures.record('idle.cpu', 'cores', (1000 * (cpuSeconds(pids) - cpu)) / (performance.now() - at));
  figures.record(`raw.${model}.batch`, 'rows', batch);
  say(`raw ${model}: best at batch ${batch}`);
  return batch;
}

export async function runHttpSuite(stage: Stage): Promise<void> {
  const { figures, plan } = stage;
  const raw = await stage.raw();
  for (const model of new Set(plan.http.cases.map((one) => one.model))) {
    const systems = await stage.serving(model);
    await checkAnswers(raw, systems, model);
    const cases = plan.http.cases.filter((one) => one.model === model);
    await warmUp(stage, systems, cases);
    const batch = await bestBatch(stage, model, systems.batchyard);
    for (let round = 1; round <= plan.http.rounds; round += 1) {
      const rate = await raw.ask('rate', { model, batch, ms: plan.http.rawMs });
      figures.record(`raw.${model}.rows_per_s`, '/s', rate);
      for (const each of cases) await runCase(stage, each, rate);
    }
  }
  if (stage.withAutocannon) await measureAutocannon(stage);
}
