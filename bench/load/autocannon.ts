/** autocannon as a program of its own: an independent generator, against which ours is held. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type AutocannonRun = {
  readonly url: string;
  readonly body: string | Buffer;
  readonly connections: number;
  /** Whole ones. */
  readonly seconds: number;
  /** Requests a second of all connections; absent: as fast as answers come. */
  readonly rate?: number;
};
/** Times in whole ms, as it tells them. */
export type AutocannonResult = {
  readonly rps: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
};

type Report = {
  readonly '2xx': number;
  readonly non2xx: number;
  readonly errors: number;
  readonly duration: number;
  readonly latency: { readonly p50: number; readonly p99: number };
};

export async function runAutocannon({
  url,
  body,
  connections,
  seconds,
  rate,
}: AutocannonRun): Promise<AutocannonResult> {
  const folder = await mkdtemp(join(tmpdir(), 'batchyard-autocannon-'));
  try {
    const file = join(folder, 'body.json');
    await writeFile(file, body);
    const program = createRequire(import.meta.url).resolve('autocannon');
    const bounds = [
      '-c',
      String(connections),
      '-d',
      String(seconds),
      ...(rate === undefined ? [] : ['-R', String(rate)]),
    ];
    const what = ['-m', 'POST', '-i', file, '-H', 'content-type=application/json', url];
    const { stdout } = await run(process.execPath, [program, ...bounds, '--json', '--no-progress', ...what]);
    const report = JSON.parse(stdout) as Report;
    const { '2xx': succeeded, duration, latency } = report;
    return { rps: succeeded / duration, p50: latency.p50, p99: latency.p99, failed: report.non2xx + report.errors };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
