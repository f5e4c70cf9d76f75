/** Plants one violation of every rule in a tree of its own, lints it once with the project's settings, and looks. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

type Plant = { readonly breaks: string; readonly rule: string; readonly at: string; readonly code: string };

const imports = (breaks: string, at: string, specifier: string): Plant => {
  return {
    breaks,
    rule: 'batchyard(folder-imports)',
    at,
    code: `import { x } from '${specifier}';\nexport const y = x;`,
  };
};
const pureUse = (breaks: string, at: string, expression: string): Plant => {
  return { breaks, rule: 'eslint(no-restricted-globals)', at, code: `export const y = ${expression};` };
};
const style = (rule: string, code: string): Plant => {
  return { breaks: rule, rule, at: `libs/queue/src/${rule.replace(/\W+/g, '-')}.ts`, code };
};
const lines = (count: number): string => Array.from({ length: count }, (_, i) => `  total += ${i};`).join('\n');

const PLANTS: readonly Plant[] = [
  imports('the contract imports a package', 'libs/shared/src/contract/a.ts', 'ioredis'),
  imports('the contract imports a Node module', 'libs/shared/src/contract/b.ts', 'node:crypto'),
  imports('the contract imports the runtime', 'libs/shared/src/contract/c.ts', '../runtime/log.ts'),
  imports('protocol imports an edge folder', 'apps/gateway/src/protocol/a.ts', '../http/a.ts'),
  imports('protocol imports the runtime', 'apps/gateway/src/protocol/b.ts', '@batchyard/shared/runtime/log'),
  imports('admission imports the queue library', 'apps/gateway/src/admission/a.ts', '@batchyard/queue/operations'),
  imports('balancer imports its settings', 'apps/gateway/src/balancer/a.ts', '../config.ts'),
  imports('tuning imports Node', 'apps/gateway/src/tuning/a.ts', 'node:timers/promises'),
  imports('monitor imports a package', 'apps/gateway/src/monitor/a.ts', 'prom-client'),
  imports('batching imports an edge folder', 'apps/worker/src/batching/a.ts', '../inference/run.ts'),
  imports('memory imports Node', 'apps/worker/src/memory/a.ts', 'node:worker_threads'),
  imports('http imports queue', 'apps/gateway/src/http/a.ts', '../queue/add.ts'),
  imports('cache imports http, from a folder of its own', 'apps/gateway/src/cache/deep/a.ts', '../../http/a.ts'),
  imports('queue imports fleet', 'apps/gateway/src/queue/a.ts', '../fleet/lease.ts'),
  imports('fleet imports queue', 'apps/gateway/src/fleet/a.ts', '../queue/add.ts'),
  imports('inference imports queue', 'apps/worker/src/inference/a.ts', '../queue/take.ts'),
  imports('control imports inference', 'apps/worker/src/control/a.ts', '../inference/run.ts'),
  imports('stages meet outside the stories', 'apps/gateway/src/helper.ts', './queue/add.ts'),
  imports('express outside gateway/http', 'apps/worker/src/control/b.ts', 'express'),
  imports('bullmq outside the queue folders', 'apps/gateway/src/http/b.ts', 'bullmq'),
  imports('onnxruntime-node outside worker/inference', 'apps/worker/src/queue/b.ts', 'onnxruntime-node'),
  imports('ioredis outside shared/runtime', 'apps/gateway/src/queue/b.ts', 'ioredis'),
  imports('pino outside shared/runtime', 'apps/worker/src/control/c.ts', 'pino'),
  imports('prom-client outside shared/runtime', 'apps/gateway/src/http/c.ts', 'prom-client'),
  imports('an app imports an app by name', 'apps/cli/src/a.ts', '@batchyard/gateway/config'),
  imports('an app imports an app by path', 'apps/cli/src/b.ts', '../../worker/src/config.ts'),
  imports('a library imports an app', 'libs/queue/src/a.ts', '@batchyard/worker/config'),
  imports('a package is imported by path', 'libs/queue/src/b.ts', '../../shared/src/contract/job.ts'),
  imports('main.ts is imported', 'apps/worker/src/serve-jobs.ts', './main.ts'),
  {
    breaks: 'a door is passed by a dynamic import',
    rule: 'batchyard(folder-imports)',
    at: 'apps/gateway/src/fleet/b.ts',
    code: `export const y = await import('bullmq');`,
  },
  {
    breaks: 'an edge folder is reached by a type',
    rule: 'batchyard(folder-imports)',
    at: 'apps/gateway/src/fleet/c.ts',
    code: `export type Y = import('../cache/two-tiers.ts').Cache;`,
  },
  pureUse('the contract reads the clock', 'libs/shared/src/contract/d.ts', 'Date.now()'),
  pureUse('protocol sets a timer', 'apps/gateway/src/protocol/c.ts', 'setTimeout(() => undefined, 1)'),
  pureUse('admission reads the clock', 'apps/gateway/src/admission/b.ts', 'performance.now()'),
  pureUse('balancer makes a date', 'apps/gateway/src/balancer/b.ts', 'new Date()'),
  pureUse('tuning reads the environment', 'apps/gateway/src/tuning/b.ts', `process.env['X']`),
  pureUse('monitor reaches the world through globalThis', 'apps/gateway/src/monitor/b.ts', 'globalThis.name'),
  pureUse('batching sets a timer', 'apps/worker/src/batching/b.ts', 'setImmediate(() => undefined)'),
  pureUse('memory makes an id', 'apps/worker/src/memory/b.ts', 'crypto.randomUUID()'),
  {
    breaks: 'a pure folder throws dice',
    rule: 'eslint(no-restricted-properties)',
    at: 'apps/gateway/src/balancer/c.ts',
    code: 'export const y = Math.random();',
  },
  style('batchyard(no-reexport)', `export { z } from './settings.ts';`),
  style('batchyard(closures-not-classes)', 'export class Thing {\n  readonly x = 1;\n}'),
  style('import(no-default-export)', 'export default 1;'),
  style('node(no-process-env)', `export const y = process.env['X'];`),
  style(
    'eslint(max-params)',
    'export const f = (a: number, b: number, c: number, d: number, e: number) => a + b + c + d + e;',
  ),
  style('eslint(max-lines)', Array.from({ length: 301 }, (_, i) => `export const y${i} = ${i};`).join('\n')),
  style('eslint(max-lines-per-function)', `export function f() {\n  let total = 0;\n${lines(100)}\n  return total;\n}`),
  style('typescript(no-explicit-any)', 'export const f = (a: any) => String(a);'),
  style('typescript(consistent-type-imports)', `import { Stats } from 'node:fs';\nexport type Y = Stats;`),
  style('typescript(no-floating-promises)', 'export function f() {\n  Promise.resolve(1);\n}'),
  style(
    'typescript(no-misused-promises)',
    'export const f = (xs: number[]) => xs.forEach(async (x) => void (await x));',
  ),
  style(
    'typescript(switch-exhaustiveness-check)',
    `export function f(x: 'a' | 'b') {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}`,
  ),
];

/** What each of these imports is what its folder is for. */
const ALLOWED: readonly Pick<Plant, 'at' | 'code'>[] = [
  imports('', 'libs/shared/src/contract/ok.ts', 'zod'),
  imports('', 'libs/shared/src/runtime/ok.ts', 'ioredis'),
  imports('', 'libs/queue/src/ok.ts', 'bullmq'),
  imports('', 'apps/gateway/src/http/ok.ts', 'express'),
  imports('', 'apps/gateway/src/http/fine.ts', '../protocol/ok.ts'),
  imports('', 'apps/gateway/src/queue/ok.ts', '@batchyard/shared/runtime/redis'),
  imports('', 'apps/gateway/src/tuning/ok.ts', '../balancer/ok.ts'),
  imports('', 'apps/gateway/src/protocol/ok.ts', '@batchyard/shared/contract/tensor'),
  imports('', 'apps/gateway/src/protocol/ok.test.ts', 'node:test'),
  imports('', 'apps/gateway/src/main.ts', './queue/ok.ts'),
  imports('', 'apps/worker/src/serve.ts', './config.ts'),
  imports('', 'apps/worker/src/inference/ok.ts', 'onnxruntime-node'),
  imports('', 'tests/ok.ts', 'bullmq'),
  { at: 'apps/worker/src/config.ts', code: `export const x = process.env['X'];` },
  { at: 'libs/shared/src/runtime/door.ts', code: `export type { Redis } from 'ioredis';` },
  { at: 'libs/shared/src/contract/failure.ts', code: 'export class Failure extends Error {}' },
];

let tree = '';
const found = new Map<string, string[]>();

function write(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), `${text}\n`);
}

before(() => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), 'batchyard-lint-')));
  for (const path of ['.oxlintrc.json', 'tsconfig.base.json', 'tools/lint']) {
    cpSync(join(root, path), join(tree, path), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  write('tsconfig.json', `{ "extends": "./tsconfig.base.json", "include": ["apps", "libs", "tests"] }`);
  for (const { at, code } of [...PLANTS, ...ALLOWED]) write(at, code);
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const run = spawnSync(process.execPath, [oxlint, '--format=json', 'apps', 'libs', 'tests'], {
    cwd: tree,
    encoding: 'utf8',
  });
  const report = JSON.parse(run.stdout) as { diagnostics: { filename: string; code: string }[] };
  for (const { filename, code } of report.diagnostics) found.set(filename, [...(found.get(filename) ?? []), code]);
});

after(() => rmSync(tree, { recursive: true, force: true }));

for (const { breaks, rule, at } of PLANTS) {
  test(`lint refuses it when a rule is broken: ${breaks}`, () => {
    assert.ok(
      found.get(at)?.includes(rule),
      `${at}: expected ${rule}, found ${found.get(at)?.join(', ') ?? 'nothing'}`,
    );
  });
}

test('lint accepts what each folder is for', () => {
  assert.deepEqual(
    Object.fromEntries(ALLOWED.map(({ at }) => [at, found.get(at) ?? []])),
    Object.fromEntries(ALLOWED.map(({ at }) => [at, []])),
  );
});

test('the compiler refuses enums, namespaces and parameter properties', () => {
  write('erasable/tsconfig.json', `{ "extends": "../tsconfig.base.json", "compilerOptions": { "noEmit": true } }`);
  write('erasable/a.ts', 'export enum Colour {\n  red,\n}');
  write('erasable/b.ts', 'export namespace Space {\n  export const x = 1;\n}');
  write('erasable/c.ts', 'export class C extends Error {\n  constructor(readonly x: number) {\n    super();\n  }\n}');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const run = spawnSync(process.execPath, [tsc, '-p', join(tree, 'erasable')], { encoding: 'utf8' });
  for (const file of ['a.ts', 'b.ts', 'c.ts']) assert.match(run.stdout, new RegExp(`${file}.*TS1294`));
});
