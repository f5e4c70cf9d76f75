import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { test } from 'node:test';

import express from 'express';

import { mountEvents } from './event-stream.ts';

type Told = { readonly id: string; readonly name: string; readonly data: string };

async function serve(t: { after(end: () => void): void }, missed: readonly Told[] = []) {
  const app = express();
  const listeners = new Set<(told: readonly Told[]) => void>();
  const asked: (string | undefined)[] = [];
  const endAll = mountEvents(app, {
    events: () => [],
    since(id) {
      asked.push(id);
      return missed;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, listeners, asked, endAll };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('a watcher is told what was missed and what comes, until all streams end', async (t) => {
  const { port, listeners, asked, endAll } = await serve(t, [{ id: '5-0', name: 'scale', data: '{"n":5}' }]);
  const headers = { accept: 'text/event-stream', 'last-event-id': '4-0' };
  const answer = await fetch(`http://127.0.0.1:${port}/v1/events`, { headers });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  await until(() => listeners.size === 1);
  for (const listener of listeners) listener([{ id: '6-0', name: 'kill', data: '{"n":6}' }]);
  endAll();
  assert.equal(
    await answer.text(),
    'retry: 2000\n\nid: 5-0\nevent: scale\ndata: {"n":5}\n\nid: 6-0\nevent: kill\ndata: {"n":6}\n\n',
  );
  assert.equal(listeners.size, 0);
  const nonsense = { accept: 'text/event-stream', 'last-event-id': 'x; y' };
  await (await fetch(`http://127.0.0.1:${port}/v1/events`, { headers: nonsense })).body?.cancel();
  assert.deepEqual(asked, ['4-0', undefined]);
});

test('a watcher who does not read is dropped, and holds nothing any more', { timeout: 60_000 }, async (t) => {
  const { port, listeners } = await serve(t);
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.pause();
  socket.write('GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n');
  await until(() => listeners.size === 1);
  const data = 'x'.repeat(65_536);
  let sent = 0;
  while (listeners.size > 0) {
    for (const listener of listeners) listener([{ id: `${(sent += 1)}-0`, name: 'sample', data }]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(sent < 1_000, 'it goes on for ever');
  }
  assert.ok(sent >= 8);
});
