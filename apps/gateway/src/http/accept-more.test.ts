/** Several handles of one listening socket: connections of one turn, what is waited for at the end, and nothing left. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { test } from 'node:test';

import { acceptMore } from './accept-more.ts';

const BURST = 64;
const HERE = '127.0.0.1';
const TRIES = 200;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Held = {
  readonly server: Server;
  readonly port: number;
  /** Resolves when so many requests wait for their answer. */
  held(count: number): Promise<void>;
  /** Answers them. */
  release(): void;
};

async function startServer(): Promise<Held> {
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => waiting.push(response));
  });
  server.listen(0, HERE);
  await once(server, 'listening');
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async held(count) {
      while (waiting.length < count) await pause(5);
    },
    release: () => waiting.forEach((response) => response.end('answered')),
  };
}

/** The most connections that were accepted within one turn of a burst. */
async function mostInATurn(server: Server, port: number): Promise<number> {
  let [accepted, inTurn, most] = [0, 0, 0];
  const count = (): void => {
    accepted += 1;
    inTurn += 1;
    most = Math.max(most, inTurn);
  };
  server.on('connection', count);
  const clients = Array.from({ length: BURST }, () => connect(port, HERE));
  while (accepted < BURST) {
    inTurn = 0;
    await turn();
  }
  server.off('connection', count);
  await Promise.all(
    clients.map(async (client) => {
      client.destroy();
      if (!client.closed) await once(client, 'close');
    }),
  );
  return most;
}

async function answerOf(port: number): Promise<string> {
  const client = connect(port, HERE);
  client.write('GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n');
  let text = '';
  for await (const chunk of client) text += String(chunk);
  return text;
}

test('connections of a burst are accepted several in a turn, and answered as ever', async () => {
  const { server, port, held, release } = await startServer();
  const alone = await mostInATurn(server, port);
  const stop = acceptMore(server, BURST);
  let most = 0;
  for (let i = 0; i < TRIES && most < 2 * alone + 2; i += 1) {
    most = await mostInATurn(server, port);
    await pause(20);
  }
  assert.ok(most >= 2 * alone + 2, `${most} in a turn, and ${alone} without`);
  const answering = Array.from({ length: BURST }, () => answerOf(port));
  await held(BURST);
  const closed = Promise.all([stop(), once(server, 'close')]);
  server.close();
  // What was accepted by any of the handles is waited for.
  assert.equal(await Promise.race([closed, pause(100).then(() => 'open')]), 'open');
  release();
  const answers = await Promise.all(answering);
  assert.ok(answers.every((text) => text.endsWith('answered')));
  await closed;
  const [error] = (await once(connect(port, HERE), 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('who ends it before the handles have come gets none later', async () => {
  const { server, port } = await startServer();
  await acceptMore(server, BURST)();
  const closed = once(server, 'close');
  server.close();
  await closed;
  for (let i = 0; i < 5; i += 1) {
    await pause(50);
    const [error] = (await once(connect(port, HERE), 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
  }
});
