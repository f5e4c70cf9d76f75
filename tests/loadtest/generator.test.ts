/** Our generator and autocannon on the same server see the same rates, and ours no lower latencies at the same rate. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { closedStep, steadyStep } from '@batchyard/loadtest/plan/make-steps';

import { runAutocannon } from '../../bench/load/autocannon.ts';
import { runOwnGenerator } from '../../bench/load/own-generator.ts';

const DELAY_MS = 20;
const CONNECTIONS = 8;
const SECONDS = 4;
/** Each answer takes as long as the last: neither generator can make the server faster or slower. */
const SERVER = `
  require('node:http').createServer((request, response) => {
    request.resume().on('end', () => setTimeout(() => response.writeHead(200, { 'content-length': 2 }).end('{}'), ${DELAY_MS}));
  }).listen(0, '127.0.0.1', function () { process.stdout.write(String(this.address().port)); });
`;
const kind = { model: 'm', inputs: [{ name: 'A', datatype: 'FP32', shape: [1, 16] }] } as const;

let server: ChildProcess;
let port: number;
before(async () => {
  server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!server.stdout) throw new Error('no stdout');
  const [told] = (await once(server.stdout, 'data')) as [Buffer];
  port = Number(told.toString());
});
after(() => void server.kill('SIGKILL'));

const autocannon = (rate?: number) =>
  runAutocannon({
    url: `http://127.0.0.1:${port}/v2/models/m/infer`,
    body: '{}',
    connections: CONNECTIONS,
    seconds: SECONDS,
    ...(rate === undefined ? {} : { rate }),
  });
const within = (a: number, b: number, share: number): boolean => Math.abs(a / b - 1) <= share;

test('on the same connections both see the same rate', async () => {
  const own = await runOwnGenerator({ port, kind, step: closedStep(CONNECTIONS, { warmupS: 0.3, seconds: SECONDS }) });
  const other = await autocannon();
  assert.equal(own.succeeded, own.sent);
  assert.equal(other.failed, 0);
  assert.ok(within(own.answered_per_s, other.rps, 0.05), `${own.answered_per_s} against ${other.rps}`);
});

test('at the same rate both send it, and our latencies are not lower', async () => {
  const rate = 160;
  const step = steadyStep(rate, 'constant', { warmupS: 0.3, seconds: SECONDS });
  const own = await runOwnGenerator({ port, kind, step });
  const other = await autocannon(rate);
  assert.ok(within(own.answered_per_s, other.rps, 0.05), `${own.answered_per_s} against ${other.rps}`);
  // autocannon tells whole milliseconds.
  assert.ok(Math.ceil(own.latency.p50_ms ?? 0) >= other.p50, `p50 ${own.latency.p50_ms} against ${other.p50}`);
  assert.ok((own.latency.p50_ms ?? 0) >= DELAY_MS && (own.latency.p50_ms ?? 0) < DELAY_MS + 15);
});
