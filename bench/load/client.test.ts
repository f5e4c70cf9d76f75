import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { runMixedLoad } from './mixed-load.ts';
import { runProbe } from './probe.ts';
import type { RequestSpec } from './requests.ts';

const spec = (name: string): RequestSpec => ({
  model: 'm',
  form: 'binary',
  inputs: [{ name: 'A', datatype: 'FP32', shape: [1, 4] }],
  headers: [`Batchyard-Priority: ${name}`],
});

test('each class is served by its own connections, refused or never answered, and every request is told of', async (t) => {
  const server = createServer((request, response) => {
    request.resume();
    const name = request.headers['batchyard-priority'];
    if (name === 'low') return;
    const [status, body] = name === 'normal' ? ([503, '{"error":"overloaded"}'] as const) : ([200, '{}'] as const);
    response.writeHead(status, { 'content-length': body.length }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  // Ample, also on a machine that is busy with other things.
  const classes = ['high', 'normal', 'low'].map((name) => ({ name, rate: 200, timeoutMs: 5_000, spec: spec(name) }));
  const { classes: results, refusals } = await runMixedLoad({ port, seconds: 0.3, seed: 1, classes });
  const [high, normal, low] = results;
  assert.ok(high && normal && low && high.offered > 20);
  assert.equal(high.inTime, high.offered);
  assert.equal(normal.refused, normal.offered);
  assert.ok(refusals.p99 > 0 && refusals.p99 < 5_000);
  assert.deepEqual(low.failures, { 'given up': low.offered });

  const until = { inARow: 5, withinMs: 5_000 };
  const probes = await runProbe({ port, spec: spec('high'), rate: 100, limitMs: 20_000, until });
  assert.ok(probes.length >= 5 && probes.length < 50, `${probes.length} probes`);
});
