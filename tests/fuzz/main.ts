/**
 * `npm run test:fuzz`: good and broken requests in great number, the same ones for the same seed. Ends with 1 when a
 * process ended, an exchange did not, a good request got a wrong answer, or a 5xx is not explained.
 *
 *   npm run test:fuzz -- [--requests 100000] [--seed N] [--connections 32] [--from INDEX]
 */
import { parseArgs } from 'node:util';

import { fuzz, type Plan } from './fuzz.ts';
import { startFuzzedSystem } from './fuzzed-system.ts';
import { describe, summary, table } from './report.ts';

const options = {
  requests: { type: 'string', default: '100000' },
  seed: { type: 'string' },
  connections: { type: 'string', default: '32' },
  from: { type: 'string', default: '0' },
} as const;

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number`);
  return Number(text);
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options });
  const plan: Plan = {
    seed: wholeNumber('seed', values.seed ?? String(Date.now() % 1e9)),
    requests: wholeNumber('requests', values.requests),
    connections: wholeNumber('connections', values.connections),
    from: wholeNumber('from', values.from),
    progress: (done, rss) => {
      if (done % 10_000 === 0)
        process.stdout.write(`${done} requests, gateway RSS ${(rss / 1_048_576).toFixed(0)} MiB\n`);
    },
  };
  const { system, stop } = await startFuzzedSystem();
  const onSignal = (): void => void stop().then(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  try {
    process.stdout.write(`seed ${plan.seed}\n`);
    const tally = await fuzz(system, plan);
    for (const violation of tally.violations) process.stdout.write(`${describe(violation, plan.seed)}\n\n`);
    process.stdout.write(`${table(tally)}\n${summary(tally, plan)}\n`);
    return tally.violations.length > 0 ? 1 : 0;
  } finally {
    await stop();
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
