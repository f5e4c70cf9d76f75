/**
 * (h) The balancer's strategies side by side on one running system of three workers: equal ones, and with one of them
 * stopped and continued so that it runs at a fifth of its speed; with little load, and saturated. Shares are those of the
 * rows that each worker ran, from the workers' own counters.
 */
import { BALANCER_STRATEGIES, type BalancerStrategy } from '@batchyard/shared/contract/balancer';

import { ranDuring, type Ran } from '../../tests/support/fleet-load.ts';
import { until } from '../../tests/support/system.ts';
import { throttle } from '../../tests/support/throttle.ts';
import type { Batchyard } from '../batchyard.ts';
import { quantile } from '../statistics.ts';
import type { Stage } from '../stage.ts';
import { measureLoad, mixOf } from './http.ts';

const WORKERS = 3;
const SLOWED = 0.2;
const CONNECTIONS = 48;
/** Busy share of the slow worker at an equal share of the load. */
const LIGHT = 0.25;
const MOST_PER_S = 60;
const FIRST_PER_S = 6;

type Cell = { readonly rps: number; readonly p50: number; readonly p99: number; readonly failed: number };
type Line = { readonly pid: number; readonly state: string; readonly reason: string | null };

const linesOf = async (ops: string): Promise<Line[]> => {
  const { workers } = (await (await fetch(`${ops}/v1/workers`)).json()) as { workers: Line[] };
  return workers.filter(({ state }) => state === 'serving');
};

const WORDS: Readonly<Record<BalancerStrategy, RegExp>> = {
  adaptive: /takes (?:at once|what has waited|when nobody has)/,
  round_robin: /equal turns/,
  least_connections: /holds at most/,
  weighted_response_time: /% of the turns/,
};
async function switchTo(ops: string, strategy: BalancerStrategy): Promise<void> {
  const answer = await fetch(`${ops}/v1/balancer`, { method: 'PUT', body: JSON.stringify({ strategy }) });
  if (answer.status !== 200) throw new Error(await answer.text());
  await until(`the workers follow ${strategy}`, async () =>
    (await linesOf(ops)).every(({ reason }) => WORDS[strategy].test(reason ?? '')) ? true : undefined,
  );
}

async function openLoad(stage: Stage, served: Batchyard, rate: number, ms: number): Promise<Cell> {
  const load = { port: served.port, rate, seconds: ms / 1000, mix: mixOf('heavy', 'binary') };
  const { latencies, failed } = await stage.generator().ask('open', load);
  return { rps: (1000 * latencies.length) / ms, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), failed };
}
async function saturate(stage: Stage, served: Batchyard): Promise<Cell> {
  const load = { connections: CONNECTIONS, mix: mixOf('heavy', 'binary'), ...stage.plan.balance };
  const { rps, latency, failures } = await measureLoad(stage, served, load);
  return { rps, p50: latency.p50, p99: latency.p99, failed: Object.values(failures).reduce((a, b) => a + b, 0) };
}

/** How far the shares are from those of the inverse run times, the worst of them, relative. */
function offInverse(ran: readonly Ran[], rows: number): number {
  const rates = ran.reduce((sum, { runMs }) => sum + 1 / runMs, 0);
  return Math.max(...ran.map(({ rows: own, runMs }) => Math.abs((own / rows) * runMs * rates - 1)));
}

export async function runBalanceSuite(stage: Stage): Promise<void> {
  const { figures, plan, say, cleanup } = stage;
  say('starting Batchyard with heavy and three workers');
  const served = await stage.batchyard('heavy', { BATCHYARD_WORKERS: String(WORKERS), BATCHYARD_THREADS: '1' });
  const first = await until('three workers', async () => {
    const lines = await linesOf(served.ops);
    return lines.length === WORKERS ? lines[0] : undefined;
  });
  const table = [
    'fleet    load       strategy                 shares %          run ms           rps    p50 ms   p99 ms',
  ];
  for (const fleet of ['equal', 'unequal'] as const) {
    const release = fleet === 'unequal' ? throttle(first.pid, SLOWED) : (): void => undefined;
    cleanup.add(async () => release());
    await switchTo(served.ops, 'round_robin');
    const tried = await ranDuring(served.ops, () =>
      openLoad(stage, served, FIRST_PER_S, 3_000 + plan.balance.warmupMs),
    );
    const slowestMs = Math.max(...tried.map(({ runMs }) => runMs).filter(Number.isFinite));
    const rate = Math.min(MOST_PER_S, (WORKERS * LIGHT * 1000) / slowestMs);
    for (const load of ['light', 'saturated'] as const) {
      for (const strategy of BALANCER_STRATEGIES) {
        await switchTo(served.ops, strategy);
        if (load === 'light') await openLoad(stage, served, rate, 2 * plan.balance.warmupMs);
        let cell: Cell | undefined;
        const ran = await ranDuring(served.ops, async () => {
          cell =
            load === 'light'
              ? await openLoad(stage, served, rate, plan.balance.measureMs)
              : await saturate(stage, served);
        });
        if (!cell) continue;
        // The slowed one first.
        const own = ran.toSorted((a, b) => Number(b.pid === first.pid) - Number(a.pid === first.pid));
        const rows = own.reduce((sum, one) => sum + one.rows, 0);
        const shares = own.map((one) => one.rows / rows);
        const name = `balance.${fleet}.${load}.${strategy}`;
        figures.record(`${name}.share_spread`, 'x', Math.max(...shares) / Math.min(...shares));
        figures.record(`${name}.fast_share`, '', 1 - (shares[0] ?? 0));
        figures.record(`${name}.off_inverse`, '', offInverse(own, rows));
        figures.record(`${name}.rps`, '/s', cell.rps);
        figures.record(`${name}.p50_ms`, 'ms', cell.p50);
        figures.record(`${name}.p99_ms`, 'ms', cell.p99);
        figures.record(`${name}.failed`, '', cell.failed);
        const columns = [
          shares
            .map((share) => (100 * share).toFixed(1))
            .join(' / ')
            .padEnd(17),
          own
            .map(({ runMs }) => runMs.toFixed(1))
            .join(' / ')
            .padEnd(16),
          cell.rps.toFixed(0).padStart(5),
          cell.p50.toFixed(1).padStart(8),
          cell.p99.toFixed(1).padStart(8),
        ];
        table.push(`${fleet.padEnd(8)} ${load.padEnd(10)} ${strategy.padEnd(24)} ${columns.join(' ')}`);
        say(table.at(-1) ?? '');
      }
    }
    release();
  }
  say(`the slowed worker first:\n${table.join('\n')}`);
  await served.stop();
}
