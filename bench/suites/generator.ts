/**
 * The generator of `batchyard loadtest` against autocannon on the same server, in turns: as fast as answers come on the same
 * number of connections (rates within 5 %), and at the same rate below that (rates within 5 %, our latencies not lower).
 */
import { closedStep, steadyStep } from '@batchyard/loadtest/plan/make-steps';

import { runAutocannon } from '../load/autocannon.ts';
import { runOwnGenerator } from '../load/own-generator.ts';
import { buildRequest } from '../load/requests.ts';
import { ROW_SHAPE } from '../model-rows.ts';
import type { Stage } from '../stage.ts';
import { median } from '../statistics.ts';
import { mixOf } from './http.ts';

const MODEL = 'mid';
const CONNECTIONS = 16;
/** Of the capacity: the server is busy, and keeps up. */
const SHARE = 0.5;
const WARMUP_S = 1;

type Seen = { readonly rps: number; readonly p50: number; readonly p99: number };

export async function runGeneratorSuite(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const { rounds, seconds } = plan.generator;
  const served = await stage.batchyard(MODEL);
  const [spec] = mixOf(MODEL, 'json').specs;
  const bytes = spec ? buildRequest(spec, 1).bytes : Buffer.alloc(0);
  const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
  const url = `http://127.0.0.1:${served.port}/v2/models/${MODEL}/infer`;
  const inputs = [{ name: 'INPUT', datatype: 'FP32', shape: [1, ...ROW_SHAPE[MODEL]] }] as const;
  const lengths = { warmupS: WARMUP_S, seconds };

  async function ours(rate: number | undefined): Promise<Seen> {
    const step = rate === undefined ? closedStep(CONNECTIONS, lengths) : steadyStep(rate, 'constant', lengths);
    const { answered_per_s: rps, latency } = await runOwnGenerator({
      port: served.port,
      kind: { model: MODEL, inputs },
      step,
    });
    return { rps, p50: latency.p50_ms ?? Number.NaN, p99: latency.p99_ms ?? Number.NaN };
  }
  const theirs = (rate?: number): Promise<Seen> =>
    runAutocannon({ url, body, connections: CONNECTIONS, seconds, ...(rate === undefined ? {} : { rate }) });

  /** In turns, so that a change of the machine meets both. */
  async function compare(name: string, rate?: number): Promise<number> {
    const seen: { own: Seen; other: Seen }[] = [];
    for (let round = 0; round < rounds; round += 1) seen.push({ own: await ours(rate), other: await theirs(rate) });
    const middle = (of: (one: { own: Seen; other: Seen }) => number): number => median(seen.map(of));
    figures.record(
      `generator.${name}.own.rps`,
      '/s',
      middle(({ own }) => own.rps),
    );
    figures.record(
      `generator.${name}.autocannon.rps`,
      '/s',
      middle(({ other }) => other.rps),
    );
    const ratio = middle(({ own, other }) => own.rps / other.rps);
    figures.record(`generator.${name}.own_over_autocannon`, 'x', ratio);
    for (const at of ['p50', 'p99'] as const) {
      figures.record(
        `generator.${name}.own.${at}_ms`,
        'ms',
        middle(({ own }) => own[at]),
      );
      figures.record(
        `generator.${name}.autocannon.${at}_ms`,
        'ms',
        middle(({ other }) => other[at]),
      );
    }
    say(`${name}: own rate is ${(100 * ratio).toFixed(1)} % of autocannon's`);
    return middle(({ own }) => own.rps);
  }
  await ours(undefined);
  const capacity = await compare('closed');
  await compare('steady', Math.round(SHARE * capacity));
  await served.stop();
}
