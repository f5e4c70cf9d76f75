/** A node:http server with the limits that keep slow and oversized clients from costing anything. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';

import type { FastLane } from './fast-lane.ts';
import { sendJson } from './respond.ts';

type Options = {
  readonly host: string;
  readonly port: number;
  readonly handler: RequestListener;
  readonly fastLane?: FastLane;
};
export type Listener = { readonly port: number; close(): Promise<void> };

const HEADER_BYTES = 16_384;

/** A body announced with Expect is asked for only where its length is allowed; the handlers refuse the rest. */
function onExpect(serve: (request: IncomingMessage, response: ServerResponse) => void, largest: number) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (Number(request.headers['content-length'] ?? 0) > largest) {
      sendJson(
        response,
        413,
        { error: `the request body exceeds the maximum allowed size of ${largest} bytes` },
        { connection: 'close' },
      );
      return;
    }
    response.writeContinue();
    serve(request, response);
  };
}

/** Requests that are no HTTP: an answer where one can still be given, then the connection is closed. */
function refuseBroken(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const status = ((): string => {
      if (error.code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
      return '400 Bad Request';
    })();
    const body = JSON.stringify({ error: status.slice(4) });
    socket.end(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
}

export async function listen({ host, port, handler, fastLane }: Options): Promise<Listener> {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    if (fastLane === undefined || !fastLane(request, response)) handler(request, response);
  };
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 65_000,
      noDelay: true,
      requireHostHeader: false,
    },
    serve,
  );
  server.on('checkContinue', onExpect(serve, 64 * 1_048_576));
  refuseBroken(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 1_024 }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}
