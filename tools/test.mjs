/**
 * `npm test`: everything that must hold, in one command. Installs and builds what is missing, then runs every step,
 * also after one has failed, and ends with a table.
 *
 *   npm test                                 all steps
 *   npm test -- --only unit,tidy             some of them
 *   npm test -- --only unit --in libs/queue  the unit tests of one folder
 *   npm test -- tests/queue/steps.test.ts    these files, whichever step they belong to
 *   npm test -- --list                       which step runs which test file
 */
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { groupTests } from './group-tests.mjs';
import { prepare } from './prepare.mjs';
import { testFiles } from './test-files.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
/** A file that hangs is ended and counted as failed. */
const fileTimeoutMs = 15 * 60_000;

const tool = (name, ...args) => [`node_modules/${name}`, ...args];
const tests = (files, concurrency) => {
  if (files.length === 0) return [];
  const flags = ['--conditions=batchyard-source', '--import', 'tsx'];
  return [[...flags, 'tools/run-tests.mjs', `${concurrency}`, `${fileTimeoutMs}`, ...files]];
};

/** Run one at a time, with nothing beside them: those that look at shares, at times, or at how many requests are answered. */
const alone =
  /^tests\/(?:chaos\/chaos|loadtest\/(?:capacity|generator)|system\/(?:balancer|batching|dynamic-batching|steering))\.test/;
/** Those that take a minute or two begin first, so that none of them is left alone at the end. */
const long =
  /^tests\/(?:clients\/python-clients|start\/start|system\/(?:exit|many-models|scaling|tuning|monitor|webhooks))\.test/;
const longFirst = (files) => files.toSorted((a, b) => Number(long.test(b)) - Number(long.test(a)));
/** The rest has systems of its own on free ports, and waits most of the time. */
const LANES = 3;
const cores = Math.min(2, availableParallelism());
const integration = (files) => [
  ...tests(longFirst(files.filter((file) => !alone.test(file))), Math.min(LANES, 1 + availableParallelism())),
  ...tests(
    files.filter((file) => alone.test(file)),
    1,
  ),
];

/** Gets what the tests of processes need from elsewhere, while the steps before them run. @returns what waits for its end */
function getTools() {
  const flags = ['--conditions=batchyard-source', '--import', 'tsx'];
  const child = spawn(process.execPath, [...flags, 'tests/support/get-tools.ts'], { cwd: root, stdio: 'ignore' });
  const ended = new Promise((resolve) => void child.once('exit', resolve).once('error', resolve));
  return () => ended;
}

/** Each step: what it is called, and, once it begins, the argument lists that node is started with, one after another. */
function stepsFor(files) {
  return [
    { name: 'format', commands: () => [tool('oxfmt/bin/oxfmt', '--check')] },
    { name: 'lint', commands: () => [tool('oxlint/bin/oxlint')] },
    {
      name: 'types',
      commands: () => [
        tool('typescript/bin/tsc', '-b'),
        tool('typescript/bin/tsc', '-p', 'tsconfig.tests.json', '--noEmit'),
      ],
    },
    { name: 'unit', commands: () => tests(groupTests(root, files.unit, cores), cores) },
    { name: 'integration', commands: () => integration(files.integration) },
    { name: 'knip', commands: () => [tool('knip/bin/knip.js', '--no-progress')] },
    { name: 'tidy', commands: () => tests(files.tidy, 1) },
  ];
}

/** True when every command of the step ended well; a step goes on after a failure, to show all that is wrong. */
function runStep({ name, commands }) {
  const startedMs = performance.now();
  process.stdout.write(`\n── ${name} ${'─'.repeat(Math.max(0, 70 - name.length))}\n`);
  const wanted = commands();
  const results = wanted.map((args) => {
    const { status, error, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    if (error ?? signal) process.stdout.write(`${args[0]}: ${error?.message ?? `ended by ${signal}`}\n`);
    return status === 0;
  });
  if (wanted.length === 0) process.stdout.write('nothing to run\n');
  return { name, ok: results.every(Boolean), seconds: (performance.now() - startedMs) / 1000 };
}

/** The steps that the command line asks for. */
function chosenSteps({ values, positionals }) {
  const all = testFiles(root);
  const named = positionals.map((path) => path.replace(/^\.\//, ''));
  const wanted = (file) => (named.length === 0 || named.includes(file)) && file.startsWith(values.in ?? '');
  const files = Object.fromEntries(Object.entries(all).map(([step, list]) => [step, list.filter(wanted)]));
  const unknown = named.filter((path) => !Object.values(files).flat().includes(path));
  if (unknown.length > 0) throw new Error(`No such test file: ${unknown.join(', ')}. See npm test -- --list.`);
  const steps = stepsFor(files);
  if (named.length > 0) return steps.filter(({ name }) => files[name]?.length > 0);
  const only = values.only?.split(',') ?? steps.map(({ name }) => name);
  const wrong = only.filter((name) => !steps.some((step) => step.name === name));
  if (wrong.length > 0)
    throw new Error(`No such step: ${wrong.join(', ')}. Steps: ${steps.map((s) => s.name).join(', ')}.`);
  return steps.filter(({ name }) => only.includes(name));
}

function listFiles() {
  for (const [step, files] of Object.entries(testFiles(root))) {
    for (const file of files) process.stdout.write(`${step.padEnd(12)} ${file}\n`);
  }
}

async function main() {
  const options = { only: { type: 'string' }, in: { type: 'string' }, list: { type: 'boolean' } };
  const asked = parseArgs({ options, allowPositionals: true });
  if (asked.values.list) return listFiles();
  const steps = chosenSteps(asked);
  prepare();
  // For the tests that load onnxruntime themselves; what the product does about it has a test of its own.
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const whole = asked.positionals.length === 0 && steps.some(({ name }) => name === 'integration');
  const toolsAreThere = whole ? getTools() : () => undefined;
  const results = [];
  for (const step of steps) {
    if (step.name === 'integration') await toolsAreThere();
    results.push(runStep(step));
  }
  process.stdout.write('\n');
  for (const { name, ok, seconds } of results) {
    process.stdout.write(`${ok ? '✔' : '✖'} ${name.padEnd(12)} ${seconds.toFixed(1).padStart(7)} s\n`);
  }
  if (results.some(({ ok }) => !ok)) process.exitCode = 1;
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
});
