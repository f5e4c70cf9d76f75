/** The one door to ioredis. Nothing is resent and nothing queues up while Redis is away: callers hear of it at once. */
import { Command, Redis, type RedisOptions } from 'ioredis';

export type { Redis } from 'ioredis';

type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

export type RedisRole = 'commands' | 'blocking';

/**
 * What was asked is given up by its own timeout first. A connection silent for this long is dead, though nobody may ever
 * say so (a machine that vanished, a firewall that forgot): another one is made.
 */
const DEAD_SOCKET_MS = 2_000;
/** All is to be well two seconds after Redis is back, and finding that out is only the first step. */
const LONGEST_RETRY_MS = 500;
/** Nobody blocks for longer. */
const LONGEST_BLOCK_MS = 1_000;
const COMMAND_MS = 750;

export const retryMs = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 5), LONGEST_RETRY_MS);

/** Of each connection for commands to a node of a cluster. */
export const NODE_OPTIONS = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2_000,
  enableReadyCheck: true,
  commandTimeout: COMMAND_MS,
  socketTimeout: DEAD_SOCKET_MS,
} as const satisfies RedisOptions;

/**
 * @param url `redis://` or `rediss://`
 * @param role `blocking` for a connection that waits in BZPOPMIN or XREAD: it has no command timeout
 */
export function connectRedis(url: string, role: RedisRole, extra: ConnectionOptions = {}): Redis {
  const options: ConnectionOptions = {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // With the connection gone, whatever waits on it fails at once: a promise that never settles would stop a loop.
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    retryStrategy: retryMs,
    enableReadyCheck: true,
    ...(role === 'commands'
      ? { commandTimeout: COMMAND_MS, socketTimeout: Math.max(DEAD_SOCKET_MS, extra.commandTimeout ?? 0) }
      : { blockingTimeout: 2_000, blockingTimeoutGrace: 1_000, socketTimeout: LONGEST_BLOCK_MS + DEAD_SOCKET_MS }),
    ...extra,
  };
  const redis = new Redis(url, options);
  // Without a listener the process would die; whoever runs a command hears of the failure through its promise.
  redis.on('error', () => undefined);
  return redis;
}

/** From here on an argument goes to the socket as it is; below, copying costs less than another piece. */
const PIECE_BYTES = 16_384;

/** Bytes of an argument that are copied when it is written. */
export const copiedByCommand = (bytes: number): number => (bytes < PIECE_BYTES ? bytes : 0);

type Argument = string | number | Uint8Array;
type Writable = { cork(): void; uncork(): void; write(piece: Buffer): unknown };

/** A command as RESP: small arguments joined, large ones as pieces of their own. */
export function commandPieces(name: string, args: readonly Argument[]): Buffer[] {
  const pieces: Buffer[] = [];
  let small: Buffer[] = [];
  let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  const seal = (): void => {
    if (text !== '') small.push(Buffer.from(text, 'latin1'));
    text = '';
  };
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? arg : Buffer.from(String(arg));
    text += `$${bytes.byteLength}\r\n`;
    seal();
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.byteLength < PIECE_BYTES) small.push(piece);
    else {
      pieces.push(Buffer.concat(small), piece);
      small = [];
    }
    text = '\r\n';
  }
  seal();
  pieces.push(Buffer.concat(small));
  return pieces;
}

/**
 * Runs a command; the reply has every bulk string as a Buffer. ioredis copies a command with binary arguments into one
 * buffer before it writes it: large arguments are spared that.
 */
export function callBinary(redis: Redis, name: string, args: readonly Argument[]): Promise<unknown> {
  if (!args.some((arg) => arg instanceof Uint8Array && arg.byteLength >= PIECE_BYTES))
    return redis.callBuffer(name, args as (string | number | Buffer)[]);
  const command = new Command(name, args as (string | number | Buffer)[], { replyEncoding: null });
  command.toWritable = (socket) => {
    const pieces = commandPieces(name, args);
    const stream = socket as Writable;
    const last = pieces.pop() ?? '';
    // Corked, they leave in one system call; ioredis writes the last one itself.
    stream.cork();
    for (const piece of pieces) stream.write(piece);
    process.nextTick(() => stream.uncork());
    return last;
  };
  return redis.sendCommand(command) as Promise<unknown>;
}
