/**
 * (c) One request at a time, mostly: an open loop of 50 requests/s on `mid`, measured from the intended send time, beside
 * the run time of one row by onnxruntime alone in the same run.
 */
import type { OpenResult } from '../load/open-loop.ts';
import { mean, median, quantile } from '../statistics.ts';
import type { Stage } from '../stage.ts';
import type { Served } from '../textbook/start.ts';
import { mixOf } from './http.ts';

const RATE = 50;

async function openLoad(stage: Stage, served: Served, seconds: number): Promise<OpenResult> {
  return stage.generator().ask('open', { port: served.port, rate: RATE, seconds, mix: mixOf('mid', 'json') });
}

function record({ figures, say }: Stage, name: string, results: readonly OpenResult[]): void {
  const latencies = results.flatMap((result) => result.latencies);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  figures.record(`${name}.p50_ms`, 'ms', quantile(latencies, 0.5));
  figures.record(`${name}.p99_ms`, 'ms', quantile(latencies, 0.99));
  figures.record(`${name}.mean_ms`, 'ms', mean(latencies));
  figures.record(`${name}.failed`, '', failed);
  for (const { failures } of results)
    for (const [why, count] of Object.entries(failures)) say(`${name}: ${count} failed: ${why}`);
  figures.record(`${name}.latest_send_ms`, 'ms', Math.max(...results.map((result) => result.latestSend)));
  say(`${name}: p50 ${quantile(latencies, 0.5).toFixed(2)} ms, p99 ${quantile(latencies, 0.99).toFixed(2)} ms`);
}

export async function runLatencySuite(stage: Stage): Promise<void> {
  const { figures, plan } = stage;
  const { rounds, seconds, textbookSeconds, rawRuns, warmupS } = plan.latency;
  const raw = await stage.raw();
  const { batchyard: ours, textbook } = await stage.serving('mid');
  const oursResults: OpenResult[] = [];
  const textbookResults: OpenResult[] = [];
  const runs: number[] = [];
  const pacedRuns: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const before = await raw.ask('oneRow', { model: 'mid', runs: rawRuns, pauseMs: 0 });
    await openLoad(stage, ours, warmupS);
    oursResults.push(await openLoad(stage, ours, seconds));
    const after = await raw.ask('oneRow', { model: 'mid', runs: rawRuns, pauseMs: 0 });
    runs.push(before.p50, after.p50);
    // A row every 20 ms finds cold caches: what no server can do better at this rate.
    const paced = await raw.ask('oneRow', { model: 'mid', runs: Math.ceil(rawRuns / 4), pauseMs: 1000 / RATE });
    pacedRuns.push(paced.p50);
    figures.record('raw.mid.run1_paced_ms', 'ms', paced.p50);
    if (textbookSeconds === 0) continue;
    await openLoad(stage, textbook, warmupS);
    textbookResults.push(await openLoad(stage, textbook, textbookSeconds));
  }
  figures.record('raw.mid.run1_ms', 'ms', median(runs));
  record(stage, `latency.mid.${RATE}rps`, oursResults);
  if (textbookResults.length > 0) record(stage, `textbook.latency.mid.${RATE}rps`, textbookResults);
  const p50 = quantile(
    oursResults.flatMap((result) => result.latencies),
    0.5,
  );
  figures.record(`latency.mid.${RATE}rps.p50_over_run_ms`, 'ms', p50 - median(runs));
  figures.record(`latency.mid.${RATE}rps.p50_over_paced_run_ms`, 'ms', p50 - median(pacedRuns));
}
