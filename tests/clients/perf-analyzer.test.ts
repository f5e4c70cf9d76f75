/** Triton's perf_analyzer, unmodified, over HTTP and gRPC: it measures, and what it asks the server for adds up. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { findPerfAnalyzer, type PerfAnalyzer } from '../support/perf-analyzer.ts';
import { startSystem, type System } from '../support/system.ts';

/** Any result is stable enough: nothing is measured here. */
const SHORT = ['-p', '400', '-r', '3', '-s', '9999'];
/** Rows of the requests that it has under way, when the statistics are read. */
const UNDER_WAY = 16;

let folder: string;
let system: System;
let found: PerfAnalyzer | { readonly missing: string };
before(
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'batchyard-perf-'));
    found = await findPerfAnalyzer();
    // It asks for one input again and again.
    system = await startSystem({ GRPC_PORT: '0', BATCHYARD_CACHE: 'off' });
  },
  { timeout: 600_000 },
);
after(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

type Ended = { readonly code: number; readonly text: string };

async function analyse({ file, libraries }: PerfAnalyzer, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, LD_LIBRARY_PATH: libraries };
    execFile(file, [...args, ...SHORT], { cwd: folder, env, timeout: 120_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, text: `${stdout}${stderr}` }),
    );
  });
}
const host = (url: string): string => new URL(url).host;
const http = (): string[] => ['-u', host(system.url), '-i', 'http'];
const grpc = (): string[] => ['-u', system.grpc, '-i', 'grpc'];
const figure = (text: string, name: string): number =>
  Number(new RegExp(`${name}: ([0-9.]+)`).exec(text)?.[1] ?? Number.NaN);

const ways: readonly (readonly [string, () => string[]])[] = [
  ['HTTP, a connection for each that waits', () => ['-m', 'simple', ...http(), '--concurrency-range', '4']],
  [
    'HTTP, asynchronous, several rows',
    () => ['-m', 'simple', '-b', '4', '--async', ...http(), '--concurrency-range', '3'],
  ],
  [
    'HTTP, at a rate by chance',
    () => ['-m', 'simple', ...http(), '--request-rate-range', '60', '--request-distribution', 'poisson'],
  ],
  ['HTTP, a version and a shape', () => ['-m', 'text-tagger', '-x', '1', '--shape', 'TOKEN_IDS:12', ...http()]],
  ['gRPC', () => ['-m', 'quality-predictor', ...grpc(), '--concurrency-range', '4']],
  ['gRPC, a stream', () => ['-m', 'simple', ...grpc(), '--streaming', '--concurrency-range', '2']],
];
for (const [way, args] of ways) {
  test(`perf_analyzer works unmodified: ${way}`, { timeout: 180_000 }, async (t) => {
    if ('missing' in found) return t.skip(found.missing);
    const { code, text } = await analyse(found, args());
    assert.equal(code, 0, text);
    assert.doesNotMatch(text, /error|fail/i);
    assert.ok(figure(text, 'Request count') > 0, text);
    // Of the server's statistics: all ran, and none was answered without.
    const [rows, runs] = [figure(text, 'Inference count'), figure(text, 'Execution count')];
    assert.ok(runs > 0 && rows >= runs, text);
    const answered = figure(text, 'Successful request count') * (args().includes('-b') ? 4 : 1);
    assert.ok(Math.abs(rows - answered) <= UNDER_WAY, text);
    assert.match(text, /compute infer [1-9]\d* usec/);
  });
}

test('perf_analyzer reads the metrics too, and writes its report', { timeout: 180_000 }, async (t) => {
  if ('missing' in found) return t.skip(found.missing);
  const metrics = ['--collect-metrics', '--metrics-url', `${host(system.ops)}/metrics`];
  const { code, text } = await analyse(found, [
    '-m',
    'simple',
    ...http(),
    ...metrics,
    '-f',
    'report.csv',
    '--verbose-csv',
  ]);
  assert.equal(code, 0, text);
  const [head = '', line = ''] = (await readFile(join(folder, 'report.csv'), 'utf8')).split('\n');
  const at = (name: string): number => Number(line.split(',')[head.split(',').indexOf(name)]);
  assert.ok(at('Inferences/Second') > 0 && at('Server Compute Infer') > 0, `${head}\n${line}`);
});

test('what there is not is told in words', { timeout: 180_000 }, async (t) => {
  if ('missing' in found) return t.skip(found.missing);
  const shared = await analyse(found, ['-m', 'simple', ...http(), '--shared-memory', 'system']);
  assert.notEqual(shared.code, 0);
  assert.match(shared.text, /system shared memory is not supported/);
  const unknown = await analyse(found, ['-m', 'nobody', ...http()]);
  assert.match(unknown.text, /Request for unknown model: 'nobody' is not found/);
});
