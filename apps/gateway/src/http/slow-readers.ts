/**
 * Closes connections whose client does not read its answer: what a socket holds unsent is memory of the gateway's. Looks
 * at all sockets now and then, so that an answer that is read costs nothing.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** `at`: how many bytes will have gone out once everything is that was unsent at `since`. */
type Waiting = { readonly since: number; readonly at: number };

/** @returns what to remember of the socket; 'close' when what was unsent at `since` still is after `limitMs` */
export function decideReader(
  known: Waiting | undefined,
  { written, unsent }: { readonly written: number; readonly unsent: number },
  now: number,
  limitMs: number,
): Waiting | 'close' | undefined {
  if (unsent === 0) return undefined;
  if (!known || written - unsent >= known.at) return { since: now, at: written };
  return now - known.since >= limitMs ? 'close' : known;
}

/** @returns the sweep, to be called with the time; it @returns the bytes that the sockets hold unsent */
export function watchReaders(server: Server, limitMs: number): (now: number) => number {
  const sockets = new Set<Socket>();
  const waiting = new Map<Socket, Waiting>();
  const watch = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      waiting.delete(socket);
    });
  };
  // Of a connection with TLS the answers wait in the socket that is opened inside of it.
  server.on('connection', watch).on('secureConnection', watch);
  return (now) => {
    let bytes = 0;
    for (const socket of sockets) {
      const unsent = socket.writableLength;
      if (unsent === 0 && !waiting.has(socket)) continue;
      const next = decideReader(waiting.get(socket), { written: socket.bytesWritten, unsent }, now, limitMs);
      if (next === 'close') {
        socket.destroy();
        continue;
      }
      bytes += unsent;
      if (next) waiting.set(socket, next);
      else waiting.delete(socket);
    }
    return bytes;
  };
}
