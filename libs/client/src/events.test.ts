/** Streams of job events, with a real HTTP server that breaks them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';

import fc from 'fast-check';

import { connect, type Server } from './connect.ts';
import { createEventLines, type ServerEvent } from './event-lines.ts';
import { jobEvents, watchJob } from './events.ts';
import type { BatchyardFailure } from './failure.ts';
import type { InferResult } from './response.ts';

async function serve(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const http = createServer(answer).listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return connect({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
}
const state = (id: number, status: string): string => `id: ${id}\nevent: state\ndata: {"status":"${status}"}\n\n`;

test('events are the same however their text is cut', () => {
  const text =
    'retry: 250\r\n\r\n: still here\n\nid: 1\nevent: a\ndata: x\ndata: y\n\ndata:z\r\rid: 2\n\n:\n\nevent: empty\n\ndata: ä\n\n';
  const expected: ServerEvent[] = [
    { id: '1', event: 'a', data: 'x\ny' },
    { id: '1', event: 'message', data: 'z' },
    { id: '2', event: 'message', data: 'ä' },
  ];
  fc.assert(
    fc.property(fc.array(fc.nat(text.length)), (cuts) => {
      const lines = createEventLines();
      const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      const events = at.slice(1).flatMap((end, i) => lines.push(text.slice(at[i], end)));
      assert.deepEqual(events, expected);
      assert.deepEqual([lines.lastId(), lines.retryMs()], ['2', 250]);
    }),
  );
});

test('a stream that breaks goes on where it was, and ends with the last state', async (t) => {
  const asked: (string | undefined)[] = [];
  const server = await serve(t, (request, response) => {
    asked.push(request.headers['last-event-id'] as string | undefined);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (asked.length === 1) {
      response.write(`retry: 1\n\n: still here\n\n${state(1, 'queued')}${state(2, 'running')}`, () =>
        response.destroy(),
      );
    } else response.write(state(3, 'succeeded'));
  });
  const seen: string[] = [];
  for await (const { id, status } of jobEvents(server, 'a/b')) seen.push(`${id} ${status}`);
  assert.deepEqual(seen, ['1 queued', '2 running', '3 succeeded']);
  assert.deepEqual(asked, [undefined, '2']);
});

test('a job that is not there is a failure at once; a server that never tells anything is one in the end', async (t) => {
  let calls = 0;
  const server = await serve(t, (request, response) => {
    calls += 1;
    if (request.url === '/v1/jobs/none/events')
      response.writeHead(404).end('{"code":"not_found","detail":"there is no such job","retryable":false}');
    else response.writeHead(200).end('retry: 1\n\n');
  });
  await assert.rejects(jobEvents(server, 'none').next(), { code: 'not_found' });
  assert.equal(calls, 1);
  await assert.rejects(jobEvents(server, 'x').next(), { code: 'network' });
  assert.equal(calls, 7);
});

test('callbacks tell each state, and the result or the failure', async (t) => {
  const server = await serve(t, ({ url }, response) => {
    if (url?.endsWith('/events'))
      response.writeHead(200).end(state(1, 'queued') + state(2, url.includes('bad') ? 'failed' : 'succeeded'));
    else if (url?.includes('bad'))
      response.writeHead(500).end('{"code":"model_error","detail":"no","retryable":false}');
    else response.writeHead(200).end('{"model_name":"m","model_version":"1","outputs":[]}');
  });
  const watch = (id: string) =>
    new Promise<{ states: string[]; ended: InferResult | BatchyardFailure }>((resolve) => {
      const states: string[] = [];
      watchJob(server, id, {
        onState: ({ status }) => states.push(status),
        onResult: (ended) => resolve({ states, ended }),
        onError: (ended) => resolve({ states, ended }),
      });
    });
  const good = await watch('good');
  assert.deepEqual(good.states, ['queued', 'succeeded']);
  assert.ok('outputs' in good.ended);
  const bad = await watch('bad');
  assert.deepEqual(bad.states, ['queued', 'failed']);
  assert.ok('code' in bad.ended && bad.ended.code === 'model_error');
});

test('whoever stops watching is told nothing more, and the connection closes', async (t) => {
  let closed = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const server = await serve(t, (_request, response) => {
    response.writeHead(200).write(state(1, 'queued'));
    response.on('close', closed);
  });
  const stop = watchJob(server, 'x', {
    onState: () => stop(),
    onResult: () => assert.fail('a result'),
    onError: () => assert.fail('an error'),
  });
  await left;
});
