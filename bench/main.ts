/**
 * `npm run bench -- [queue|http|latency|floor|peers|generator|capacity|overload|cost|fill|strategies|memory|balance|control|cache …]
 *               [--quick] [--minutes N] [--rate N] [--set SUITE.SETTING=VALUE[,VALUE …]] [--env NAME=VALUE …]
 *               [--json FILE] [--markdown FILE] [--pages FOLDER] [--plot FOLDER] [--autocannon] [--no-build]`
 *
 * Everything is measured in one run, in turns, because the machines it runs on are noisy: read ratios, not absolutes.
 * The load generator, the systems and Redis share the cores.
 *
 * `--minutes`, `--rate`: of the memory suite, 10 and seven tenths of the capacity measured unless they are given; a rate is
 * for machines whose other load changes so much that a capacity says little. `--pages`: a page for each suite as it ends.
 * `--env`: a setting of the Batchyard that is measured, where a suite does not set it itself.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { createFigures, figurePage, figuresOfSuite, figureTable } from './figures.ts';
import { machineLine } from './machine.ts';
import { changedPlan, readSettings } from './plan-settings.ts';
import { planFor } from './plan.ts';
import { createCleanup } from './processes/cleanup.ts';
import { startOwnRedis } from './redis.ts';
import { createStage, type Stage } from './stage.ts';
import { runBalanceSuite } from './suites/balance.ts';
import { runCacheSuite } from './suites/cache.ts';
import { runCapacitySuite } from './suites/capacity.ts';
import { runControlSuite } from './suites/control.ts';
import { runCostSuite } from './suites/cost.ts';
import { runFillSuite } from './suites/fill.ts';
import { runFloorSuite } from './suites/floor.ts';
import { runGeneratorSuite } from './suites/generator.ts';
import { runHttpSuite } from './suites/http.ts';
import { runLatencySuite } from './suites/latency.ts';
import { runMemorySuite } from './suites/memory.ts';
import { runOverloadSuite } from './suites/overload.ts';
import { runPeersSuite } from './suites/peers.ts';
import { runQueueSuite } from './suites/queue.ts';
import { runStrategiesSuite } from './suites/strategies.ts';

const SUITES: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  queue: runQueueSuite,
  http: runHttpSuite,
  latency: runLatencySuite,
  floor: runFloorSuite,
  peers: runPeersSuite,
  generator: runGeneratorSuite,
  capacity: runCapacitySuite,
  overload: runOverloadSuite,
  cost: runCostSuite,
  fill: runFillSuite,
  strategies: runStrategiesSuite,
  memory: runMemorySuite,
  balance: runBalanceSuite,
  control: runControlSuite,
  cache: runCacheSuite,
};

/** Without a name: what ends within a minute by --quick. The others take longer and are asked for. */
const USUAL = ['queue', 'http', 'latency', 'floor'];

// What runs onnxruntime beside Batchyard, which sees to that itself, reports nothing to its makers either.
process.env['ORT_DISABLE_TELEMETRY'] = '1';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] },
    env: { type: 'string', multiple: true, default: [] },
    minutes: { type: 'string' },
    rate: { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'string' },
    pages: { type: 'string' },
    plot: { type: 'string' },
    autocannon: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
  },
});

const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

/** What is measured is the built product, by helpers that are built as well. */
function build(project: readonly string[]): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', ...project], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The build failed: run npm run build.');
}

/** Those that change what is measured. */
function givenFlags(): string[] {
  const given = (['minutes', 'rate'] as const).filter((name) => options[name] !== undefined);
  return [
    ...(options.quick ? ['--quick'] : []),
    ...given.map((name) => `--${name} ${options[name]}`),
    ...options.set.flatMap((one) => ['--set', one]),
    ...options.env.flatMap((one) => ['--env', one]),
  ];
}

async function run(): Promise<void> {
  const unknown = positionals.filter((name) => !Object.hasOwn(SUITES, name));
  if (unknown.length > 0)
    throw new Error(`No such benchmark: ${unknown.join(', ')}. There are ${Object.keys(SUITES).join(', ')}.`);
  const { quick, set } = options;
  const env = readSettings(options.env);
  const plan = changedPlan(planFor(quick, { minutes: numberOf(options.minutes), rate: numberOf(options.rate) }), set);
  const chosen = positionals.length > 0 ? positionals : USUAL;
  const cleanup = createCleanup();
  const redis = await startOwnRedis();
  await redis.stop();
  const machine = machineLine(redis.version);
  const start = performance.now();
  if (!options['no-build']) build(['-b']);
  build(['-p', 'bench/tsconfig.build.json']);
  const figures = createFigures();
  const say = (text: string): void =>
    void process.stderr.write(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
  const stage = createStage({
    plan,
    env,
    figures,
    cleanup,
    withAutocannon: options.autocannon,
    plotFolder: options.plot,
    say,
  });
  const command = `npm run bench -- ${[...chosen, ...givenFlags()].join(' ')}`;
  try {
    for (const name of chosen) {
      await SUITES[name]?.(stage);
      if (options.pages === undefined) continue;
      const own = figuresOfSuite(name, figures.list());
      await writeFile(join(options.pages, `${name}.md`), figurePage({ command, machine, figures: own }));
    }
  } finally {
    await cleanup.run();
  }
  const list = figures.list();
  process.stdout.write(`\n${figureTable(list)}\n\n${machine}\n`);
  process.stdout.write(
    `${options.quick ? 'quick run' : 'full run'}, ${((performance.now() - start) / 1000).toFixed(0)} s\n`,
  );
  if (options.markdown !== undefined)
    await writeFile(options.markdown, figurePage({ command, machine, figures: list }));
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(list, undefined, 2)}\n`);
}

await run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
process.exit();
