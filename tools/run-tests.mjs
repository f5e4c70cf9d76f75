/**
 * Runs test files as `node --test` does, but in the order in which they are given: it sorts them by name, and a long one
 * that comes last is waited for alone. Where there are many it ends with those that took the longest.
 *
 *   node [flags for each file] tools/run-tests.mjs <how many at once> <most ms for a file> <file> …
 */
import { resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const MANY = 20;
const TOLD = 15;

const [concurrency, timeout, ...files] = process.argv.slice(2);
const took = new Map();
const results = run({ files, concurrency: Number(concurrency), timeout: Number(timeout) });
results.on('test:fail', () => {
  process.exitCode = 1;
});
// A file as a whole is a test of its own name.
results.on('test:complete', ({ name, file, details }) => {
  if (resolve(name) === file) took.set(name, details.duration_ms / 1_000);
});
const told = results.compose(new spec());
told.pipe(process.stdout);
told.once('end', () => {
  if (files.length < MANY) return;
  const longest = [...took].toSorted(([, a], [, b]) => b - a).slice(0, TOLD);
  for (const [file, seconds] of longest) process.stdout.write(`${seconds.toFixed(1).padStart(7)} s  ${file}\n`);
});
