/** `batchyard capacity`: how many workers a model needs, by a simulation on what its workers have measured. */
import { readFile } from 'node:fs/promises';

import type { LoadPlan, Step } from '@batchyard/loadtest/plan/load-plan';
import { steadyStep } from '@batchyard/loadtest/plan/make-steps';
import { parseTrace } from '@batchyard/loadtest/plan/trace';
import { capacityLines } from '@batchyard/loadtest/report/capacity-text';
import { planCapacity, type CapacityAsk } from '@batchyard/loadtest/run-capacity';
import type { Command } from 'commander';

import { kindsOf } from '../loadtest/make-test.ts';
import { needReachable, reachOptions, reachSystem, type ReachFlags } from '../loadtest/reachable.ts';
import { readNumber, readNumbers, type Range } from '../loadtest/read-flags.ts';
import { EXIT, type Shell } from '../shell.ts';

type Flags = ReachFlags & {
  readonly model?: readonly string[];
  readonly rate?: string;
  readonly trace?: string;
  readonly speed: string;
  readonly seconds: string;
  readonly rows: string;
  readonly length: string;
  readonly p99?: string;
  readonly workers?: string;
  readonly overhead?: string;
  readonly deadline: string;
  readonly seed: string;
  readonly check?: true;
  readonly tolerance: string;
  readonly json?: true;
};

const WARMUP_S = 1;
/** None may expire, but for one in a thousand. */
const EXPIRED = 0.001;
const MS: Range = { least: 0.01, most: 3_600_000 };

async function expected({ rate, trace, speed, seconds }: Flags): Promise<Exclude<Step, { mode: 'closed' }>> {
  if (trace !== undefined) {
    const { timesMs } = parseTrace(await readFile(trace, 'utf8'));
    const asked = readNumber('--speed', speed, { least: 0.001, most: 1_000 });
    return { name: trace, mode: 'trace', warmupS: 0, timesMs, speed: asked };
  }
  if (rate === undefined) throw new Error('say what is to come: --rate 200, or --trace FILE');
  const lengths = { warmupS: WARMUP_S, seconds: readNumber('--seconds', seconds, { least: 1, most: 3_600 }) };
  const step = steadyStep(readNumber('--rate', rate, { least: 0.01, most: 100_000 }), 'poisson', lengths);
  if (step.mode === 'closed') throw new Error('a closed loop has no rate');
  return step;
}

async function capacity(flags: Flags, { env, print }: Shell): Promise<void> {
  const system = reachSystem(flags, env);
  const whole = { least: 1, most: 4_096, whole: true };
  const rows = readNumber('--rows', flags.rows, whole);
  const kinds = await kindsOf({ ...flags, form: 'json' }, system).catch(needReachable);
  const plan: LoadPlan = {
    target: system.target,
    kinds: kinds.slice(0, 1),
    repeats: 0,
    timeoutMs: readNumber('--deadline', flags.deadline, { least: 1, most: 3_600_000, whole: true }),
    maxConnections: 512,
    generators: 1,
    seed: readNumber('--seed', flags.seed, { least: 0, most: 2 ** 31, whole: true }),
    stampFrom: Date.now() % 1e9,
  };
  const overhead = flags.overhead === undefined ? undefined : readNumber('--overhead', flags.overhead, MS);
  const ask: CapacityAsk = {
    plan,
    step: await expected(flags),
    rows,
    workers: flags.workers === undefined ? undefined : readNumbers('--workers', flags.workers, { ...whole, most: 64 }),
    wanted: flags.p99 === undefined ? undefined : { p99Ms: readNumber('--p99', flags.p99, MS), expired: EXPIRED },
    overhead: overhead === undefined ? undefined : { p50_ms: overhead, p99_ms: overhead },
    check: flags.check === true,
  };
  const report = await planCapacity(ask, { system, signal: new AbortController().signal });
  if (flags.json) print(JSON.stringify(report));
  else for (const line of capacityLines(report)) print(line);
  const tolerance = readNumber('--tolerance', flags.tolerance, { least: 0, most: 100 }) / 100;
  const { checked } = report;
  if (checked && (checked.off === null || Math.abs(checked.off) > tolerance)) process.exitCode = EXIT.failed;
}

const collect = (one: string, all: readonly string[] = []): string[] => [...all, one];

export function addCapacity(program: Command, shell: Shell): void {
  const command = program
    .command('capacity')
    .description('predict p99 and the number of workers by simulation (docs/capacity.md)');
  reachOptions(command)
    .option('--model <model>', 'MODEL[@VERSION]', collect)
    .option('--rate <n>', 'requests a second, by chance')
    .option('--trace <file>', 'arrivals of a file, `ms` a line')
    .option('--speed <x>', 'of the trace', '1')
    .option('--seconds <s>', 'that are simulated', '30')
    .option('--rows <n>', 'rows of a request', '1')
    .option('--length <n>', 'of other free axes', '8')
    .option('--p99 <ms>', 'find the number of workers that keeps to it')
    .option('--workers <n,n,…>', 'look at these numbers instead')
    .option('--overhead <ms>', 'of the way to a run and back; else it is measured')
    .option('--deadline <ms>', 'of a request', '10000')
    .option('--seed <n>', 'of the arrivals', '1')
    .option('--check', 'send the same requests to the real cluster and compare')
    .option('--tolerance <percent>', 'of --check; exit code 1 beyond it', '20')
    .option('--json', 'print JSON')
    .action((flags: Flags) => capacity(flags, shell));
}
