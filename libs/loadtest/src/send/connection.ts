/** One keep-alive connection over a raw socket: a request at a time, and what came back. */
import { connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

import { createResponseReader } from './response-reader.ts';

/** Where requests go; over TLS where `secure`. */
export type Address = { readonly host: string; readonly port: number; readonly secure?: boolean };

export type Connection = {
  /** Only when the last request was answered. */
  send(bytes: Buffer): void;
  close(): void;
};

export type ConnectionEvents = {
  onOpen(connection: Connection): void;
  onResponse(connection: Connection, status: number, text: string): void;
  /** The socket failed or was closed by the server; the connection is of no more use. */
  onLost(connection: Connection, reason: string): void;
};

const READ_BYTES = 16_384;

function openSocket({ host, port, secure = false }: Address, feed: (bytes: Buffer) => void) {
  if (secure) {
    const socket = connectSecurely({ host, port, ALPNProtocols: ['http/1.1'] });
    socket.setNoDelay(true);
    socket.on('data', feed);
    return { socket, opened: 'secureConnect' };
  }
  // A window of our own that every read lands in: no Buffer is made per answer.
  const onread = {
    buffer: Buffer.allocUnsafe(READ_BYTES),
    callback(size: number, window: Uint8Array): boolean {
      feed(window.subarray(0, size) as Buffer);
      return true;
    },
  };
  return { socket: connect({ port, host, noDelay: true, onread }), opened: 'connect' };
}

export function openConnection(address: Address, events: ConnectionEvents): Connection {
  const { socket, opened } = openSocket(address, (bytes) => {
    try {
      reader.feed(bytes);
    } catch (error) {
      lose(error instanceof Error ? error.message : String(error));
    }
  });
  let over = false;
  const connection: Connection = {
    send: (bytes) => void socket.write(bytes),
    close() {
      over = true;
      socket.destroy();
    },
  };
  const reader = createResponseReader((status, text) => {
    if (!over) events.onResponse(connection, status, text);
  });
  const lose = (reason: string): void => {
    if (over) return;
    connection.close();
    events.onLost(connection, reason);
  };
  socket.on(opened, () => events.onOpen(connection));
  socket.on('error', (error) => lose(error.message));
  socket.on('close', () => lose('closed by the server'));
  return connection;
}
