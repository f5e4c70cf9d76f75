/** One keep-alive connection over a raw socket: a request at a time, and what came back. */
import { connect } from 'node:net';

import { createResponseReader } from './response-reader.ts';

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

export function openConnection(port: number, events: ConnectionEvents): Connection {
  // A window of our own that every read lands in: no Buffer is made per answer.
  const onread = {
    buffer: Buffer.allocUnsafe(READ_BYTES),
    callback(size: number, window: Uint8Array): boolean {
      try {
        reader.feed(window.subarray(0, size) as Buffer);
      } catch (error) {
        lose(error instanceof Error ? error.message : String(error));
      }
      return true;
    },
  };
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread });
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
  socket.on('connect', () => events.onOpen(connection));
  socket.on('error', (error) => lose(error.message));
  socket.on('close', () => lose('closed by the server'));
  return connection;
}
