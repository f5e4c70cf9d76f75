/**
 * `npm run test:chaos`: every fault against a running system, and a table of what came of it. Ends with 1 when a promise
 * was broken.
 *
 *   npm run test:chaos                        each fault once
 *   npm run test:chaos -- --only 'worker killed,Redis killed'
 *   npm run test:chaos -- --seed 7            the same choices again
 *   npm run test:chaos -- --long              200 kills of a worker over 10,000 jobs, every other fault three times
 *   npm run test:chaos -- --table FILE        the table between the marks of a page as well
 *   npm run test:chaos -- --results FILE      runs are kept there, and those that it has are not repeated: Ctrl-C ends
 *                                             after the run in progress, and the same command goes on
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { FAULTS, faultNamed } from './faults.ts';
import { seededRandom } from './random.ts';
import type { Verdict } from './history.ts';
import { openResults, type Results } from './results.ts';
import { runFault, type Fault } from './scenario.ts';
import { betweenMarks, figuresTable, markdownTable, type RunLine } from './table.ts';
import { backAsBefore, takeVitals } from './take-vitals.ts';
import type { Vitals } from './vitals.ts';
import { startWorld, type World } from './world.ts';

const LONG_KILLS = 200;
const LONG_JOBS = 10_000;
const LONG_RUNS = 3;
/** More than these are counted, not listed. */
const SHOWN_VIOLATIONS = 12;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function tell(run: RunLine): void {
  const { violations, jobs } = run.verdict;
  say(`${violations.length === 0 ? '✔' : '✖'} ${run.fault}: ${jobs} jobs, well again after ${run.recoveryMs} ms`);
  if (run.stalls.length > 0) say(`    the machine stood still for ${run.stalls.join(', ')} ms`);
  for (const { kind, what } of violations.slice(0, SHOWN_VIOLATIONS)) say(`    ${kind}: ${what}`);
  if (violations.length > SHOWN_VIOLATIONS) say(`    and ${violations.length - SHOWN_VIOLATIONS} more`);
}

/** How often a fault is run, and over how many jobs that were there during it. */
function planFor(fault: Fault, long: boolean): { runs: number; inWindow: number } {
  if (!long) return { runs: 1, inWindow: 0 };
  return fault.name === 'worker killed' ? { runs: LONG_KILLS, inWindow: LONG_JOBS } : { runs: LONG_RUNS, inWindow: 0 };
}

let ending = false;
process.once('SIGINT', () => (ending = true));

/** The verdict on the last run of a world says as well what the faults have left behind. */
async function withLeftovers(verdict: Verdict, world: World, before: Vitals): Promise<Verdict> {
  return { ...verdict, violations: [...verdict.violations, ...(await backAsBefore(world, before))] };
}

type Settings = { readonly seed: number; readonly long: boolean; readonly results: Results };

async function runsOf(fault: Fault, { seed, long, results }: Settings): Promise<RunLine[]> {
  const plan = planFor(fault, long);
  const lines = [...results.of(fault.name)];
  const enough = (): boolean =>
    lines.length >= plan.runs && lines.reduce((sum, line) => sum + line.inWindow, 0) >= plan.inWindow;
  if (ending || enough()) return lines;
  if (fault.skip !== undefined) {
    say(`– ${fault.name}: left out, ${fault.skip}`);
    return lines;
  }
  const world = await startWorld(fault.world);
  try {
    await world.healthy(fault.world?.workers ?? 2);
    const before = await takeVitals(world);
    while (!ending && !enough()) {
      const run = await runFault(world, fault, seededRandom(seed + lines.length));
      const last = lines.length + 1 >= plan.runs;
      const line = {
        fault: fault.name,
        ...run,
        verdict: last ? await withLeftovers(run.verdict, world, before) : run.verdict,
      };
      lines.push(line);
      await results.add(line);
      tell(line);
    }
  } catch (error) {
    say(world.system.output().split('\n').slice(-20).join('\n'));
    throw new Error(`${fault.name}: ${String(error)}`, { cause: error });
  } finally {
    await world.stop();
  }
  return lines;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      long: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      table: { type: 'string' },
      results: { type: 'string' },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error('--seed is a whole number');
  const usual = FAULTS.filter(({ long = false }) => values.long || !long);
  const faults = values.only === undefined ? usual : values.only.split(',').map(faultNamed);
  const settings = { seed, long: values.long, results: await openResults(values.results) };
  const lines: RunLine[] = [];
  const broken: string[] = [];
  for (const fault of faults) {
    try {
      lines.push(...(await runsOf(fault, settings)));
    } catch (error) {
      broken.push(String(error));
      say(`✖ ${String(error)}`);
    }
  }
  const table = [
    markdownTable(lines),
    figuresTable(lines),
    `Seed ${seed}.`,
    ...broken.map((text) => `\nNot finished: ${text}`),
  ].join('\n');
  say(`\n${table}`);
  if (values.table !== undefined) {
    const page = await readFile(values.table, 'utf8').catch(() => '');
    const run = `Printed by \`npm run test:chaos${values.long ? ' -- --long' : ''}\`.`;
    await writeFile(values.table, betweenMarks(page, `${run}\n\n${table}`));
  }
  if (broken.length > 0 || lines.some(({ verdict }) => verdict.violations.length > 0)) process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
