/**
 * (j) What a team would otherwise serve the same ONNX file with: each of them alone beside an idle Batchyard, in turns with
 * it, as fast as answers come and then at 50 requests/s. All get the same JSON and answer the same; ratios are taken
 * within a round.
 */
import { PEERS, type Peer } from '../peers/peers.ts';
import { startPeer } from '../peers/start.ts';
import { memoryOf } from '../memory/by-role.ts';
import { attempts } from '../load/tally.ts';
import type { BenchModel } from '../model-rows.ts';
import type { Stage } from '../stage.ts';
import { quantile } from '../statistics.ts';
import type { Served } from '../textbook/start.ts';
import { checkModel } from './check-answers.ts';
import { measureLoad, mixOf, type Measured } from './http.ts';

const OURS = 'batchyard';
const CALM_RATE = 50;
/** Of onnxruntime alone, for each batch size and then at the best. */
const RAW_MS = 400;

/** Closed loop, one window. */
async function busy(stage: Stage, name: string, served: Served, model: BenchModel): Promise<Measured> {
  const { connections, warmupMs, measureMs } = stage.plan.peers;
  const measured = await measureLoad(stage, served, { connections, warmupMs, measureMs, mix: mixOf(model, 'json') });
  const at = `peers.${model}.${name}`;
  stage.figures.record(`${at}.rps`, '/s', measured.rps);
  stage.figures.record(`${at}.p99_ms`, 'ms', measured.latency.p99);
  stage.figures.record(`${at}.cpu_s_per_1000`, 's', measured.cpuPer1000);
  stage.figures.record(`${at}.failed`, '', attempts(measured) - measured.succeeded);
  return measured;
}

/** @returns the median latency at few requests a second, ms */
async function calm(stage: Stage, name: string, served: Served, model: BenchModel): Promise<void> {
  const load = { port: served.port, rate: CALM_RATE, seconds: stage.plan.peers.calmSeconds, mix: mixOf(model, 'json') };
  const { latencies } = await stage.generator().ask('open', load);
  stage.figures.record(`peers.${model}.${name}.calm_p50_ms`, 'ms', quantile(latencies, 0.5));
  stage.figures.record(`peers.${model}.${name}.calm_p99_ms`, 'ms', quantile(latencies, 0.99));
}

async function comparePeer(stage: Stage, peer: Peer, ours: Served, model: BenchModel): Promise<void> {
  const { figures, plan, say, cleanup } = stage;
  const { rounds, firstWarmupMs, connections } = plan.peers;
  const starting = startPeer(peer, await stage.models(), model);
  cleanup.add(async () => {
    const started = await starting;
    if ('stop' in started) await started.stop();
  });
  const started = await starting;
  if ('missing' in started) {
    say(`${peer.name}: left out: ${started.missing}`);
    return;
  }
  await checkModel(await stage.raw(), started.port, model);
  const first = { connections, warmupMs: 0, measureMs: firstWarmupMs, mix: mixOf(model, 'json') };
  await measureLoad(stage, started, first);
  for (let round = 1; round <= rounds; round += 1) {
    const theirs = await busy(stage, peer.name, started, model);
    const own = await busy(stage, OURS, ours, model);
    figures.record(`peers.${model}.ours_over_${peer.name}`, 'x', own.rps / theirs.rps);
    say(`${model}: ${peer.name} ${theirs.rps.toFixed(0)}/s, Batchyard ${own.rps.toFixed(0)}/s`);
  }
  figures.record(`peers.${model}.${peer.name}.memory_mb`, 'MB', memoryOf(started).total);
  figures.record(`peers.${model}.${OURS}.memory_mb`, 'MB', memoryOf(ours).total);
  await calm(stage, peer.name, started, model);
  await calm(stage, OURS, ours, model);
  await started.stop();
}

export async function runPeersSuite(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const raw = await stage.raw();
  for (const model of plan.peers.models) {
    say(`starting Batchyard with ${model}`);
    const ours = await stage.batchyard(model);
    await checkModel(raw, ours.port, model);
    const { rowsPerS } = await raw.ask('best', { model, ms: RAW_MS });
    figures.record(`raw.${model}.rows_per_s`, '/s', rowsPerS);
    const { firstWarmupMs, connections } = plan.peers;
    await measureLoad(stage, ours, { connections, warmupMs: 0, measureMs: firstWarmupMs, mix: mixOf(model, 'json') });
    for (const peer of PEERS) await comparePeer(stage, peer, ours, model);
    await ours.stop();
  }
}
