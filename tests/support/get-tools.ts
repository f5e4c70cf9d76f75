/**
 * A program of its own, which `npm test` starts before everything else and waits for before the tests of processes: gets what those
 * would otherwise get when they first need it, one after another and two at the same thing. What cannot be had is not told
 * here: the test that needs it says so, or is skipped.
 */
import { findBrowser } from './browser.ts';
import { findPerfAnalyzer } from './perf-analyzer.ts';
import { findPromtool } from './promtool.ts';
import { PYTHON, pythonWith } from './python.ts';
import { redisProgram } from './redis.ts';

/** One after another: two calls of apt-get would wait for each other's lock. */
async function packages(): Promise<void> {
  await redisProgram();
  await findBrowser();
  await findPromtool();
}
async function environments(): Promise<void> {
  for (const names of Object.values(PYTHON)) await pythonWith(names);
}

await Promise.allSettled([packages(), environments()]);
await findPerfAnalyzer().catch(() => undefined);
