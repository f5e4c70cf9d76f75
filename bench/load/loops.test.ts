import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';

import { startClosedLoop } from './closed-loop.ts';
import { runOpenLoop } from './open-loop.ts';
import type { RequestMix } from './requests.ts';
import { attempts } from './tally.ts';

const MIX: RequestMix = {
  specs: [{ model: 'm', form: 'json', inputs: [{ name: 'A', datatype: 'FP32', shape: [1, 4] }] }],
  repeatEvery: 0,
};

type Served = { readonly port: number; readonly bodies: string[]; readonly server: Server };

async function serve(t: TestContext, answer: (response: ServerResponse, nth: number) => void): Promise<Served> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      answer(response, bodies.length);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, bodies, server };
}

const reply = (response: ServerResponse, status: number, body = '{}'): void => {
  response.writeHead(status, { 'content-length': body.length }).end(body);
};

test('a closed loop keeps one request a connection in flight, and counts every outcome', async (t) => {
  let [inFlight, most] = [0, 0];
  const served = await serve(t, (response, nth) => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    setImmediate(() => {
      inFlight -= 1;
      reply(response, nth % 10 === 0 ? 503 : 200);
    });
  });
  const loop = startClosedLoop({ port: served.port, connections: 4, mix: MIX });
  const result = await loop.measure(1_000);
  await loop.stop();
  assert.ok(most <= 4, `${most} at once on 4 connections`);
  assert.deepEqual(Object.keys(result.failures), ['503']);
  assert.ok(attempts(result) > 50 && attempts(result) <= served.bodies.length);
  assert.ok(result.latency.p50 > 0 && result.latency.p99 >= result.latency.p50);
  assert.equal(new Set(served.bodies).size, served.bodies.length, 'two requests were the same');
});

test('a connection that the server drops is counted and opened again', async (t) => {
  const served = await serve(t, (response, nth) => {
    if (nth % 5 === 0) response.destroy();
    else reply(response, 200);
  });
  const loop = startClosedLoop({ port: served.port, connections: 2, mix: MIX });
  const result = await loop.measure(300);
  await loop.stop();
  assert.ok((result.failures['closed by the server'] ?? 0) + (result.failures['read ECONNRESET'] ?? 0) > 1);
  assert.ok(result.succeeded > 4);
});

test('an open loop charges a stall to every request that should have gone out during it', async (t) => {
  const held: ServerResponse[] = [];
  const served = await serve(t, (response, nth) => {
    if (nth < 20) return reply(response, 200);
    held.push(response);
    // The 20th to 40th are held until the 40th has come: the 20th waits longest.
    if (nth >= 40) for (const waiting of held.splice(0)) reply(waiting, 200);
  });
  const result = await runOpenLoop({ port: served.port, rate: 200, seconds: 0.3, mix: MIX });
  assert.equal(result.latencies.length, 60);
  assert.equal(result.failed, 0);
  assert.equal(served.bodies.length, 60);
  const slowest = Math.max(...result.latencies);
  assert.ok(slowest >= 95, `the 20 requests of the stall took up to ${slowest} ms`);
  assert.ok(result.latencies.filter((ms) => ms > 40).length >= 12, 'a stall counts for all that it delayed');
});

test('an open loop does not count what a server says to a connection that it closes unused', async (t) => {
  const refused: string[] = [];
  const server = createTcpServer((socket) => {
    let used = false;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      used = true;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
    });
    setTimeout(() => {
      if (used) return;
      refused.push('408');
      socket.end('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    }, 600);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const result = await runOpenLoop({ port, rate: 20, seconds: 1.5, mix: MIX });
  assert.ok(refused.length > 0, 'no connection stayed unused');
  assert.deepEqual(result.failures, {});
  assert.deepEqual([result.failed, result.latencies.length], [0, 30]);
});
