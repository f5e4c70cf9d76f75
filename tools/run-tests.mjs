/**
 * Runs test files as `node --test` does, but in the order in which they are given: it sorts them by name, and a long one
 * that comes last is waited for alone.
 *
 *   node [flags for each file] tools/run-tests.mjs <how many at once> <most ms for a file> <file> …
 */
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const [concurrency, timeout, ...files] = process.argv.slice(2);
const results = run({ files, concurrency: Number(concurrency), timeout: Number(timeout) });
results.on('test:fail', () => {
  process.exitCode = 1;
});
results.compose(new spec()).pipe(process.stdout);
