/** `batchyard loadtest`: how much a running system takes, and how fast it answers. Exit code 99: it missed what was asked of it. */
import { readFile, writeFile } from 'node:fs/promises';

import { compareReports, type Difference } from '@batchyard/loadtest/judge/compare';
import { loadReportSchema, type LoadReport } from '@batchyard/loadtest/judge/load-report';
import { htmlOf } from '@batchyard/loadtest/report/html';
import { junitOf } from '@batchyard/loadtest/report/junit';
import { differenceLines, reportLines } from '@batchyard/loadtest/report/text';
import { runAudit } from '@batchyard/loadtest/run-audit';
import { runLoadTest, type LoadTest, type Watcher } from '@batchyard/loadtest/run-load-test';
import { runScaling } from '@batchyard/loadtest/run-scaling';
import type { System } from '@batchyard/loadtest/system/ask-system';
import type { Command } from 'commander';

import { makeTest, type LoadFlags } from '../loadtest/make-test.ts';
import { readNumber, readNumbers, readShare } from '../loadtest/read-flags.ts';
import { needReachable, reachOptions, reachSystem, type ReachFlags } from '../loadtest/reachable.ts';
import { EXIT, type Shell } from '../shell.ts';

type Flags = LoadFlags &
  ReachFlags & {
    readonly workers?: string;
    readonly audit?: string;
    readonly compare?: string;
    readonly tolerance?: string;
    readonly json?: string | true;
    readonly junit?: string;
    readonly html?: string;
  };

const MISSED = 99;
const AUDIT_CLIENTS = 32;
const AUDIT_LIMIT_MS = 120_000;
const SCALING_CLIENTS = 32;
const USUAL_TOLERANCE = 0.1;

/** One line that is written over where there is a terminal, a line for each step elsewhere; on stderr, so that stdout is the report. */
function createTeller(quiet: boolean) {
  const { stderr } = process;
  const live = stderr.isTTY && !quiet;
  const clear = (): void => void (live && stderr.write('\r\u001b[K'));
  const watch: Watcher = {
    progress({ step, index, steps, seconds, open }) {
      const last = seconds.at(-1);
      if (!live || !last) return;
      const of = index > 0 ? `${index}/${steps} ` : '';
      stderr.write(`\r\u001b[K${of}${step}: ${last.ended}/s, p99 ${last.p99_ms?.toFixed(1) ?? '–'} ms, ${open} open`);
    },
    stepDone({ name, answered_per_s: rate, latency }) {
      clear();
      if (!quiet) stderr.write(`${name}: ${rate.toFixed(1)} answers/s, p99 ${latency.p99_ms?.toFixed(1) ?? '–'} ms\n`);
    },
  };
  return { watch, say: (sentence: string): void => void (quiet || stderr.write(`${sentence}\n`)), clear };
}

/** The first Ctrl-C ends the test and prints what it has; a second one ends the process. */
function stopOnSignal(): AbortController {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  return stop;
}

type Parts = {
  readonly system: System;
  readonly signal: AbortSignal;
  readonly teller: ReturnType<typeof createTeller>;
};

const emptyReport = ({ plan }: LoadTest): LoadReport => ({
  format: 1,
  started_at: new Date().toISOString(),
  target: `${plan.target.host}:${plan.target.port}`,
  models: [...new Set(plan.kinds.map(({ model }) => model))],
  steps: [],
  knee: null,
  slo: null,
  verdicts: [],
  scaling: null,
  audit: null,
  notes: [],
  stopped: false,
});

async function measure(flags: Flags, test: LoadTest, { system, signal, teller }: Parts): Promise<LoadReport> {
  const parts = { system, signal, watch: teller.watch, say: teller.say };
  const whole = { least: 1, most: 1_000_000, whole: true };
  if (flags.audit !== undefined) {
    const jobs = readNumber('--audit', flags.audit, whole);
    const asked = { plan: test.plan, jobs, clients: Math.min(AUDIT_CLIENTS, jobs), limitMs: AUDIT_LIMIT_MS };
    return { ...emptyReport(test), audit: await runAudit(asked, { system, signal }), stopped: signal.aborted };
  }
  if (flags.workers !== undefined) {
    const workers = readNumbers('--workers', flags.workers, { least: 1, most: 256, whole: true });
    const clientsPerWorker =
      flags.concurrency === undefined ? SCALING_CLIENTS : readNumber('--concurrency', flags.concurrency, whole);
    return runScaling({ test, workers, clientsPerWorker }, parts);
  }
  return runLoadTest(test, parts);
}

async function earlierReport(file: string): Promise<LoadReport> {
  const parsed = loadReportSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file} is no report of batchyard loadtest --json`);
  return parsed.data;
}

async function write(flags: Flags, report: LoadReport, differences: readonly Difference[] | undefined): Promise<void> {
  if (typeof flags.json === 'string') await writeFile(flags.json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (flags.junit !== undefined) await writeFile(flags.junit, junitOf(report));
  if (flags.html !== undefined) await writeFile(flags.html, htmlOf(report, differences));
}

function exitCodeOf(report: LoadReport, worse: boolean): number {
  const { verdicts, audit, steps, stopped } = report;
  const audited = audit ? audit.lost + audit.wrong + (audit.duplicated ?? 0) : 0;
  if (verdicts.some(({ met }) => !met) || audited > 0 || worse) return MISSED;
  if (stopped || (steps.length > 0 && steps.every(({ succeeded }) => succeeded === 0))) return EXIT.failed;
  return EXIT.done;
}

async function loadTest(flags: Flags, { env, print }: Shell): Promise<void> {
  const system = reachSystem(flags, env);
  const before = flags.compare === undefined ? undefined : await earlierReport(flags.compare);
  const tolerance = flags.tolerance === undefined ? USUAL_TOLERANCE : readShare('--tolerance', flags.tolerance);
  const test = await makeTest(flags, system, Date.now()).catch(needReachable);
  const stop = stopOnSignal();
  const teller = createTeller(flags.json === true);
  const report = await measure(flags, test, { system, signal: stop.signal, teller }).catch(needReachable);
  teller.clear();
  const differences = before && compareReports(before, report, tolerance);
  await write(flags, report, differences);
  if (flags.json === true) print(JSON.stringify(report));
  else {
    for (const line of reportLines(report)) print(line);
    if (differences) for (const line of ['', ...differenceLines(differences)]) print(line);
  }
  const worse = flags.tolerance !== undefined && (differences ?? []).some((one) => one.worse);
  process.exitCode = exitCodeOf(report, worse);
}

const collect = (one: string, all: readonly string[] = []): string[] => [...all, one];

export function addLoadTest(program: Command, shell: Shell): void {
  const command = program
    .command('loadtest')
    .description('load a running system and tell how fast it answers (docs/load-testing.md)');
  reachOptions(command)
    .option('--model <model>', 'MODEL[@VERSION][/CLASS][=WEIGHT]; again for a mix', collect)
    .option('--rate <n>', 'open loop: so many requests a second')
    .option('--sweep <n,n,…>', 'open loop: a step for each of these rates')
    .option('--ramp <from:to>', 'open loop: from one rate to another')
    .option('--concurrency <n,…>', 'closed loop: so many clients that wait for their answers')
    .option('--trace <file>', 'open loop: arrivals of a file, `ms[,kind]` a line')
    .option('--speed <x>', 'of the trace', '1')
    .option('--arrivals <how>', 'constant or poisson', 'poisson')
    .option('--seconds <s>', 'that each step is measured (10)')
    .option('--warmup <s>', 'before each step, not counted (1)')
    .option('--form <form>', 'json or binary', 'json')
    .option('--rows <n>', 'rows of a request', '1')
    .option('--length <n>', 'of other free axes', '8')
    .option('--shape <input=dims>', 'of one input: IMAGE=1x3x64x64', collect)
    .option('--input <file>', 'JSON bodies in the place of random inputs, one a line')
    .option('--repeats <share>', 'of requests that come again, for caches', '0')
    .option('--deadline <ms>', 'of a request', '10000')
    .option('--connections <n>', 'at most', '512')
    .option('--generators <n>', 'sending threads (by the rate)')
    .option('--seed <n>', 'of arrivals and mixes', '1')
    .option('--threshold <what>', 'p99<50ms, errors<1%, rate>=200; exit code 99 if missed', collect)
    .option('--thresholds <file>', 'the same, one a line')
    .option('--slo <what>', 'finds the highest rate that meets it', collect)
    .option('--refine <n>', 'steps more to find it by', '3')
    .option('--workers <n,n,…>', 'closed loop with so many workers each, and a fit')
    .option('--audit <jobs>', 'submit jobs with known answers; nothing may be lost, twice or wrong')
    .option('--compare <file>', 'with the --json of an earlier run')
    .option('--tolerance <share>', 'exit code 99 if worse by more than this')
    .option('--json [file]', 'the report as JSON')
    .option('--junit <file>', 'the verdicts as JUnit XML')
    .option('--html <file>', 'the report as one HTML file')
    .action((flags: Flags) => loadTest(flags, shell));
}
