/**
 * The gRPC listener: the library's server behind a socket of our own, so that connections are counted and one that does not
 * take its answers can be ended. No compression of answers, as in Triton by default.
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { keepCertificate, secureOptions, type TlsPair } from '@batchyard/shared/runtime/tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';

import { createCallGuard, type ByteCount } from './call-guard.ts';
import { createHealthCalls } from './health-calls.ts';
import { createAnswer, createInferCall, toldTo, type InferParts } from './infer-calls.ts';
import { loadServices } from './load-services.ts';
import { createServerCalls, type ServerParts } from './server-calls.ts';
import { createStreamCalls } from './stream-calls.ts';

export type GrpcParts = {
  readonly host: string;
  readonly port: number;
  /** Undefined: HTTP/2 in plain text. */
  readonly tls?: TlsPair | undefined;
  /** Bytes of one message. */
  readonly mostBytes: number;
  readonly bytes: ByteCount;
  /** How long a request may take to arrive, and an answer to be taken. */
  readonly timeouts: { readonly requestMs: number; readonly answerMs: number };
  readonly infer: InferParts;
  readonly server: ServerParts;
};
export type GrpcListener = {
  readonly port: number;
  /** Takes nothing new; resolves when everything that was under way is answered. */
  close(): Promise<void>;
  /** Ends what is left. */
  end(): void;
};

const MOST_CONNECTIONS = 1_024;
const MOST_STREAMS = 256;
const MOST_CALLS = 2_048;
const MOST_READING = 64;
const MOST_IN_STREAM = 32;
const SWEEP_MS = 250;
const PING_MS = 60_000;
const PONG_MS = 20_000;
const IDLE_MS = 300_000;

type Opened = { readonly listener: NetServer; readonly stopTls: () => void };

/** What a connection carries is HTTP/2 either way: with TLS the library is handed what comes out of it. */
function openListener(onSocket: (socket: Socket) => void, tls: TlsPair | undefined): Opened {
  if (tls === undefined) return { listener: createServer({ noDelay: true }, onSocket), stopTls: () => undefined };
  const listener = createTlsServer({ noDelay: true, ...secureOptions(tls), ALPNProtocols: ['h2'] }, onSocket);
  return { listener, stopTls: keepCertificate(listener, tls) };
}

export async function serveGrpc(parts: GrpcParts): Promise<GrpcListener> {
  const { host, port, tls, mostBytes, bytes, timeouts } = parts;
  const services = await loadServices();
  const sockets = new Map<number, Socket>();
  const guard = createCallGuard({
    bytes,
    most: { calls: MOST_CALLS, reading: MOST_READING, inStream: MOST_IN_STREAM },
    readMs: timeouts.requestMs,
    answerMs: timeouts.answerMs,
    cutOff: (remotePort) => sockets.get(remotePort ?? -1)?.destroy(),
  });
  const server = new Server({
    'grpc.max_receive_message_length': mostBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': MOST_STREAMS,
    'grpc.keepalive_time_ms': PING_MS,
    'grpc.keepalive_timeout_ms': PONG_MS,
    'grpc.max_connection_idle_ms': IDLE_MS,
    'grpc.enable_channelz': 0,
    interceptors: [guard.interceptor],
  });
  const answer = createAnswer(parts.infer);
  const told = toldTo(parts.infer.report);
  const streams = createStreamCalls(answer, told);
  const health = createHealthCalls(parts.server.ready);
  server.addService(services.inference, {
    ...createServerCalls(parts.server),
    ModelInfer: createInferCall(answer, told),
    ModelStreamInfer: streams.stream,
  });
  server.addService(services.health, { Check: health.check, Watch: health.watch });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const { listener, stopTls } = openListener((socket) => {
    const { remotePort = -1 } = socket;
    sockets.set(remotePort, socket);
    socket.once('close', () => sockets.delete(remotePort));
    socket.on('error', () => undefined);
    injector.injectConnection(socket);
  }, tls);
  listener.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host, port, backlog: 1_024 }, resolve);
  });
  const sweep = setInterval(() => guard.sweep(performance.now()), SWEEP_MS);
  const address = listener.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close() {
      streams.drain();
      health.drain();
      return new Promise((resolve) => {
        listener.close();
        server.tryShutdown(() => {
          clearInterval(sweep);
          stopTls();
          resolve();
        });
      });
    },
    end: () => server.forceShutdown(),
  };
}
