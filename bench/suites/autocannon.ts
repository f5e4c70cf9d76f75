/** The same case once more by autocannon, to show that our own generator does not flatter (`--autocannon`). */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { buildRequest } from '../load/requests.ts';
import type { Stage } from '../stage.ts';
import { measureLoad, mixOf } from './http.ts';

const run = promisify(execFile);
const CONNECTIONS = 64;

type Report = { readonly requests: { readonly average: number }; readonly latency: { readonly p99: number } };

export async function measureAutocannon(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const { batchyard: served } = await stage.serving('mid');
  const mix = mixOf('mid', 'json');
  const own = await measureLoad(stage, served, { ...plan.http, connections: CONNECTIONS, mix });
  const spec = mix.specs[0];
  const bytes = spec ? buildRequest(spec, 1).bytes : Buffer.alloc(0);
  const folder = await mkdtemp(join(tmpdir(), 'batchyard-autocannon-'));
  const body = join(folder, 'body.json');
  await writeFile(body, bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
  const program = createRequire(import.meta.url).resolve('autocannon');
  const seconds = Math.max(2, Math.ceil(plan.http.measureMs / 1000));
  const options = [
    '-c',
    String(CONNECTIONS),
    '-d',
    String(seconds),
    '-m',
    'POST',
    '-i',
    body,
    '--json',
    '--no-progress',
  ];
  const url = `http://127.0.0.1:${served.port}/v2/models/mid/infer`;
  const { stdout } = await run(process.execPath, [program, ...options, '-H', 'content-type=application/json', url]);
  await rm(folder, { recursive: true, force: true });
  const report = JSON.parse(stdout) as Report;
  figures.record('autocannon.mid.json.c64.rps', '/s', report.requests.average);
  figures.record('autocannon.mid.json.c64.p99_ms', 'ms', report.latency.p99);
  figures.record('autocannon.mid.json.c64.of_own_generator', 'x', report.requests.average / own.rps);
  say(`autocannon: ${report.requests.average.toFixed(0)}/s where the own generator sees ${own.rps.toFixed(0)}/s`);
}
