/** Requests that are no HTTP, end early or come too slowly: answered where and when an answer is due, then closed. */
import { STATUS_CODES, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { FAILURES, Failure, type FailureCode } from '@batchyard/shared/contract/failure';

import { overfull } from './bytes-in-flight.ts';
import { sendFailure } from './respond.ts';

function codeOf(error: NodeJS.ErrnoException): FailureCode {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  if (error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 'too_large';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' || error.code === 'HPE_INVALID_EOF_STATE') return 'request_timeout';
  return 'bad_request';
}

function endWith(socket: Duplex, { status, text }: { status: number; text: string }): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({ error: text });
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

/** Who was made to wait with its body, for want of room, was not too slow. */
function failureOf(code: FailureCode, text: string, { req }: ServerResponse): Failure {
  if (code !== 'request_timeout' || !req.isPaused()) return new Failure(code, text);
  return overfull();
}

/** @returns what has to be told of every response, so that a broken request's answer takes its turn behind it */
export function refuseBroken(server: Server): (response: ServerResponse) => void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  const refused = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    // Whatever follows what could not be read cannot be read either.
    if (refused.has(socket)) return;
    refused.add(socket);
    // No handshake, so nothing that an answer could go through.
    if (error.code?.startsWith('ERR_SSL_') || error.code?.startsWith('ERR_TLS_')) {
      socket.destroy();
      return;
    }
    const code = codeOf(error);
    const { status } = FAILURES[code];
    const text = STATUS_CODES[status] ?? '';
    const response = latest.get(socket);
    if (!response || response.writableFinished || !socket.writable) endWith(socket, { status, text });
    else if (response.req.complete) response.once('finish', () => endWith(socket, { status, text }));
    else if (response.headersSent) socket.destroy();
    else {
      // The bytes are of a request that a handler has begun to read.
      response.shouldKeepAlive = false;
      sendFailure(response, failureOf(code, text, response));
    }
  });
  return (response) => void latest.set(response.req.socket, response);
}
