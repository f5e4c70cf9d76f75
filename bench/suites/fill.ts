/**
 * (g) How full batches are when workers are added and the load is not: requests arrive by chance at 1.2 times what one
 * worker can do. With one of them the queue fills the batches; with eight somebody is always idle, and takes what is there.
 */
import { MAX_BATCH } from '../model-rows.ts';
import { attainment, withClass } from '../overload/offered-load.ts';
import { fillOf, workerTotals } from '../overload/worker-totals.ts';
import type { Stage } from '../stage.ts';
import { heavySpec, measureCapacity } from './overload.ts';

const OVER_ONE_WORKER = 1.2;
const TIMEOUT_MS = 2_000;
const SEED = 23;
/** Time for what is still under way to be counted. */
const SETTLE_MS = 300;

const RAW_MS = 3_000;

/** Rows/s of onnxruntime in two processes at once: cores that share their units are worth less together than two of them. */
async function twoAtOnce(stage: Stage, batch: number): Promise<number> {
  const [one, other] = await Promise.all([stage.raw(), stage.anotherRaw()]);
  const rates = await Promise.all([one, other].map((raw) => raw.ask('rate', { model: 'heavy', batch, ms: RAW_MS })));
  await other.stop();
  return rates.reduce((sum, rate) => sum + rate, 0);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function runFillSuite(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const { workers, warmupMs, seconds } = plan.fill;
  let known: Awaited<ReturnType<typeof measureCapacity>> | undefined;
  let single = Number.NaN;
  for (const count of workers) {
    say(`starting Batchyard with heavy and ${count} worker${count > 1 ? 's' : ''}`);
    const served = await stage.batchyard('heavy', { BATCHYARD_WORKERS: String(count) });
    if (!known) {
      known = await measureCapacity(stage, served, plan.overload.capacity);
      const both = await twoAtOnce(stage, known.bestBatch);
      figures.record('raw.heavy.two_at_once', 'x', both / known.rawRowsPerS);
      // Over 1: no number of workers can answer all of it on this machine.
      figures.record('fill.offered_of_machine', 'x', (OVER_ONE_WORKER * known.capacity) / both);
    }
    const spec = withClass(heavySpec(), 'normal', TIMEOUT_MS);
    const offered = [{ name: 'normal', rate: OVER_ONE_WORKER * known.capacity, timeoutMs: TIMEOUT_MS, spec }];
    const load = { port: served.port, seed: SEED, classes: offered };
    await stage.generator().ask('mixed', { ...load, seconds: warmupMs / 1000 });
    const before = await workerTotals(served.ops);
    const { classes } = await stage.generator().ask('mixed', { ...load, seconds });
    await sleep(SETTLE_MS);
    const best = { maxRows: MAX_BATCH.heavy, rowsPerS: known.rawRowsPerS };
    const { fill, efficiency, ofRaw } = fillOf(before, await workerTotals(served.ops), best);
    const met = classes[0] ? attainment(classes[0]) : Number.NaN;
    if (Number.isNaN(single)) single = fill;
    const name = `fill.w${count}`;
    figures.record(`${name}.mean_fill`, '', fill);
    figures.record(`${name}.of_w${workers[0]}`, 'x', fill / single);
    figures.record(`${name}.efficiency`, '', efficiency);
    figures.record(`${name}.rate_of_raw`, 'x', ofRaw);
    figures.record(`${name}.in_time`, '', met);
    figures.record(`${name}.p99_ms`, 'ms', classes[0]?.admitted.p99 ?? Number.NaN);
    say(
      `fill with ${count}: ${(100 * fill).toFixed(0)} % full, efficiency ${efficiency.toFixed(2)}, in time ${(100 * met).toFixed(1)} %`,
    );
    await served.stop();
  }
}
