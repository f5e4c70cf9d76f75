/**
 * libuv (1.45 and later) accepts one connection of a listening socket in each turn of the event loop. When more comes than a
 * gateway can do, a turn takes tens of milliseconds: those that hold a connection are served again and again, and those
 * that open one wait, or are dropped by the kernel and try again a second later. With several handles of the same socket a
 * turn accepts as many connections.
 *
 * node cannot duplicate a handle, but a process that it is sent to can send it back, a duplicate each time.
 */
import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { createServer, type Server } from 'node:net';

import type { HandBack } from './hand-back.ts';

/** Each turn in which a connection comes asks every handle, so that many more would cost what they gain. */
const MORE = 15;

// The other process runs the built file also where the rest runs from source.
const HAND_BACK = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/http/hand-back.js' : './hand-back.js',
  import.meta.url,
);

/** node's own object around a socket, which its types leave out; a server that is sent as one would accept on its way. */
type Native = { close(): void };
const nativeOf = (server: Server): Native | undefined => Reflect.get(server, '_handle') as Native | undefined;

/** Accepts no more, and resolves once what was accepted has closed. */
type CloseAcceptors = () => Promise<void>;

/** Has the connections of a server that listens accepted by further handles, soon; where that cannot be, by its own alone. */
export function acceptMore(server: Server, backlog: number): CloseAcceptors {
  const native = nativeOf(server);
  // Gateways that share a port have a handle each, which the supervisor keeps count of.
  if (native === undefined || cluster.isWorker) return () => Promise.resolve();
  const acceptors = new Set<Server>();
  let ended = false;
  const helper = fork(HAND_BACK, [], { execArgv: [], env: {}, serialization: 'json' });
  const close = async (): Promise<void> => {
    ended = true;
    helper.kill();
    // Those that a handle has accepted are its own: the server itself does not wait for them.
    await Promise.all(Array.from(acceptors, (acceptor) => new Promise((resolve) => acceptor.close(resolve))));
  };
  helper.on('error', () => undefined);
  helper.on('message', (_message, handle: unknown) => {
    if (ended) {
      (handle as Native).close();
      return;
    }
    // As node:http has its own connections.
    const acceptor = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      server.emit('connection', socket),
    );
    acceptor.on('error', () => acceptors.delete(acceptor));
    acceptor.listen(handle, backlog);
    acceptors.add(acceptor);
  });
  const asked: HandBack = { times: MORE };
  helper.send(asked, native as never, () => undefined);
  // Nothing waits for it.
  helper.unref();
  helper.channel?.unref();
  return close;
}
