import assert from 'node:assert/strict';
import type { lookup } from 'node:dns';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';

import { createGuardedPost } from './guarded-post.ts';

let server: Server;
let port: number;
const paths: string[] = [];
let open: ServerResponse[] = [];
before(async () => {
  server = createServer((request, response) => {
    paths.push(request.url ?? '');
    if (request.url === '/moved') response.writeHead(302, { location: '/secret' }).end();
    else if (request.url === '/endless') {
      open.push(response);
      response.writeHead(200);
      const write = (): void => {
        if (!response.destroyed && response.write('x'.repeat(16_384))) setImmediate(write);
        else if (!response.destroyed) response.once('drain', write);
      };
      write();
    } else response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
after(() => {
  for (const response of open) response.destroy();
  open = [];
  server.closeAllConnections();
  server.close();
});

const HERE = '127.0.0.1';
/** A name server that leads every name to these addresses, and counts. */
function names(...addresses: string[]) {
  const asked: string[] = [];
  const look = ((name: string, _options: unknown, done: (error: null, found: unknown) => void) => {
    asked.push(name);
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as unknown as typeof lookup;
  return { look, asked };
}
const post = (path: string, mayReach: (address: string) => boolean, look?: typeof lookup) =>
  createGuardedPost({ mayReach, ...(look ? { lookup: look } : {}) })({
    url: path.startsWith('http') ? path : `http://${HERE}:${port}${path}`,
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });

test('an address is looked at before anything is sent, a name where the connection looks it up, once', async () => {
  const seen = paths.length;
  await assert.rejects(
    post('/', () => false),
    /not one that webhooks may reach/,
  );
  const { look, asked } = names(HERE);
  const url = `http://receiver.example:${port}/by-name`;
  await assert.rejects(
    post(url, () => false, look),
    /not one that webhooks may reach/,
  );
  assert.deepEqual([paths.length, asked], [seen, ['receiver.example']]);
  assert.equal(await post(url, (address) => address === HERE, look), 204);
  assert.deepEqual([paths.at(-1), asked.length], ['/by-name', 2]);
});

test('of several addresses of a name only those are connected to that may be', async () => {
  const { look } = names('10.0.0.1', HERE, 'fe80::1');
  assert.equal(await post(`http://receiver.example:${port}/`, (address) => address === HERE, look), 204);
});

test('a redirect is an answer and not followed', async () => {
  assert.equal(await post('/moved', () => true), 302);
  assert.equal(paths.includes('/secret'), false);
});

test('an answer without end is cut, and what is not there is told', async () => {
  assert.equal(await post('/endless', () => true), 200);
  const closed = createServer();
  closed.listen(0, HERE);
  await once(closed, 'listening');
  const free = (closed.address() as AddressInfo).port;
  closed.close();
  await assert.rejects(
    post(`http://${HERE}:${free}/`, () => true),
    /ECONNREFUSED/,
  );
});

test('a receiver that never answers is given up after five seconds', async () => {
  const silent = createServer(() => undefined);
  silent.listen(0, HERE);
  await once(silent, 'listening');
  const since = performance.now();
  await assert.rejects(
    post(`http://${HERE}:${(silent.address() as AddressInfo).port}/`, () => true),
    /no answer within 5000 ms/,
  );
  assert.ok(performance.now() - since < 8_000);
  silent.closeAllConnections();
  silent.close();
});
