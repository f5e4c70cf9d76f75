/** A node:http server with the limits that keep slow and oversized clients from costing anything. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { Failure } from '@batchyard/shared/contract/failure';
import { keepCertificate, secureOptions, type TlsPair } from '@batchyard/shared/runtime/tls';

import { acceptMore } from './accept-more.ts';
import type { Door } from './door.ts';
import type { FastLane } from './fast-lane.ts';
import { refuseBroken } from './refuse-broken.ts';
import { sendFailure } from './respond.ts';
import { watchReaders } from './slow-readers.ts';

/** How long a request's head, and all of the request, may take to arrive, and how long its answer to be read. */
export type Timeouts = { readonly headersMs: number; readonly requestMs: number; readonly answerMs: number };

type Options = {
  readonly host: string;
  readonly port: number;
  /** Not together with other gateways of this machine. */
  readonly exclusive?: boolean;
  readonly handler: RequestListener;
  readonly fastLane?: FastLane;
  /** Asked before any route. */
  readonly door?: Door;
  /** Undefined: plain HTTP. */
  readonly tls?: TlsPair | undefined;
  readonly timeouts?: Timeouts;
  /** Of a request's line and headers. */
  readonly headerBytes?: number;
  /** Thousands may come at once. */
  readonly manyConnections?: boolean;
  /** Is told how many bytes of answers wait for their readers. */
  readonly onUnread?: (bytes: number) => void;
};
export type Listener = { readonly port: number; readonly url: string; close(): Promise<void> };

const HEADER_BYTES = 16_384;
/** node:http counts the bytes of names and values only, and would drop what is over a number of its own unseen. */
const MOST_HEADERS = 1_000;
/** Connections that wait to be accepted. */
const BACKLOG = 1_024;
const DEFAULT_TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 30_000, answerMs: 30_000 };
const LONGEST_CHECK_MS = 1_000;
const SWEEP_MS = 50;

/** Of a target in absolute form (RFC 9112, section 3.2.2) the path and query; undefined for what has no path. */
function targetOf(url: string): string | undefined {
  if (url.startsWith('/')) return url;
  const absolute = /^https?:\/\/[^/?#]*(\/.*)$/i.exec(url);
  return absolute?.[1];
}

type Opened = { readonly server: Server; readonly stopTls: () => void };

function openServer(limits: ServerOptions, serve: RequestListener, tls: TlsPair | undefined): Opened {
  if (tls === undefined) return { server: createServer(limits, serve), stopTls: () => undefined };
  const server = createTlsServer({ ...limits, ...secureOptions(tls) }, serve);
  return { server, stopTls: keepCertificate(server, tls) };
}

export async function listen({
  host,
  port,
  exclusive = false,
  handler,
  fastLane,
  door,
  tls,
  timeouts = DEFAULT_TIMEOUTS,
  headerBytes = HEADER_BYTES,
  manyConnections = false,
  onUnread,
}: Options): Promise<Listener> {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    noteResponse(response);
    if (!server.listening) response.shouldKeepAlive = false;
    if (request.rawHeaders.length > 2 * MOST_HEADERS) {
      response.shouldKeepAlive = false;
      sendFailure(response, new Failure('headers_too_large', 'Request Header Fields Too Large'));
      return;
    }
    const target = targetOf(request.url ?? '');
    if (target === undefined) {
      sendFailure(response, new Failure('not_found', 'Not Found'));
      return;
    }
    request.url = target;
    const refusal = door?.(request, response);
    if (refusal !== undefined) {
      sendFailure(response, refusal);
      return;
    }
    if (fastLane === undefined || !fastLane(request, response)) handler(request, response);
  };
  const headersMs = Math.min(timeouts.headersMs, timeouts.requestMs);
  const limits = {
    maxHeaderSize: headerBytes,
    headersTimeout: headersMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: Math.min(LONGEST_CHECK_MS, headersMs / 2),
    keepAliveTimeout: 65_000,
    noDelay: true,
    requireHostHeader: false,
  };
  const { server, stopTls } = openServer(limits, serve, tls);
  server.maxHeadersCount = 0;
  const sweepReaders = watchReaders(server, timeouts.answerMs);
  const reading = setInterval(
    () => {
      const unread = sweepReaders(performance.now());
      onUnread?.(unread);
    },
    Math.min(LONGEST_CHECK_MS, timeouts.answerMs / 2),
  );
  const noteResponse = refuseBroken(server);
  // Without a listener node:http asks for the body before any check; here readBody does, once its length is allowed.
  server.on('checkContinue', serve);
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    noteResponse(response);
    response.shouldKeepAlive = false;
    sendFailure(response, new Failure('expectation_failed', "'100-continue' is the only expectation that can be met"));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive, backlog: BACKLOG }, resolve);
  });
  const closeAcceptors = manyConnections ? acceptMore(server, BACKLOG) : undefined;
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  return {
    port: bound,
    url: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async close() {
      // A connection that is busy now is idle after its answer, and would be kept for as long as any idle one.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      await Promise.all([new Promise((resolve) => server.close(resolve)), closeAcceptors?.()]);
      clearInterval(reading);
      stopTls();
      clearInterval(sweep);
    },
  };
}
