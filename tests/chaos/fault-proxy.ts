/**
 * A network in front of Redis that fails on command. It follows the commands and replies of each connection, so that
 * exactly one reply can be an error, or be lost together with its connection, as it is when a connection breaks.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

import { createValueReader, firstWords } from './resp.ts';

/** Something that waits for its command. */
export type Armed = {
  /** Resolves when it has happened. */
  readonly hit: Promise<void>;
  happened(): boolean;
  disarm(): void;
};

export type FaultProxy = {
  readonly port: number;
  /**
   * The next command of this name is answered with an error, and Redis does not see it. A name is a command in capitals
   * (`BZPOPMIN`) or a script (`takeMany`).
   */
  failNext(name: string, error: string): Armed;
  /** The next command of this name is carried out, but its connection breaks before the reply comes. */
  dropNext(name: string): Armed;
  /** Every reply comes so much later. */
  setLatency(ms: number): void;
  /** Breaks all connections. */
  resetAll(): void;
  /** Takes everything and answers nothing, on new connections too, until `false`: then all goes on. */
  blackHole(on: boolean): void;
  /** The connections of now are dead, but their clients are not told. New ones work. */
  halfOpen(): void;
  connections(): number;
  stop(): Promise<void>;
};

type Fate = 'pass' | 'drop' | Buffer;
type Trap = { readonly name: string; readonly fate: Fate; spring(): void };
type Link = { hold(on: boolean): void; reset(): void; forget(): void };
type Switches = { latencyMs: number; held: boolean };

export type ScriptNames = Readonly<Record<string, { readonly sha: string }>>;

/** What is written later keeps its order. */
function createDelay(switches: Switches, write: (bytes: Buffer) => void): (bytes: Buffer) => void {
  const waiting: Buffer[] = [];
  let last = 0;
  return (bytes) => {
    const now = performance.now();
    last = Math.max(last, now + switches.latencyMs);
    if (waiting.length === 0 && last <= now) {
      write(bytes);
      return;
    }
    waiting.push(bytes);
    setTimeout(() => {
      const next = waiting.shift();
      if (next) write(next);
    }, last - now);
  };
}

/** One client's connection and its own to Redis. */
function createLink(client: Socket, redis: Socket, switches: Switches, fateOf: (command: Buffer) => Fate): Link {
  /** What becomes of the replies that are due, oldest first; an error stands where its reply would have been. */
  const due: Fate[] = [];
  let forgotten = false;
  const reply = createDelay(switches, (bytes) => {
    if (!client.destroyed && !forgotten) client.write(bytes);
  });
  function tellErrors(): void {
    while (Buffer.isBuffer(due[0])) reply(due.shift() as Buffer);
  }
  function reset(): void {
    redis.destroy();
    if (!forgotten && !client.destroyed) client.resetAndDestroy();
  }
  const readCommands = createValueReader((command) => {
    const fate = fateOf(command);
    due.push(fate);
    if (Buffer.isBuffer(fate)) tellErrors();
    else redis.write(command);
  });
  const readReplies = createValueReader((value) => {
    if (client.destroyed || forgotten) return;
    const pushed = value[0] === '>'.charCodeAt(0);
    if (!pushed && due.shift() === 'drop') {
      reset();
      return;
    }
    reply(value);
    if (!pushed) tellErrors();
  });
  client.on('data', (chunk) => {
    if (!forgotten) readCommands(chunk);
  });
  redis.on('data', readReplies);
  client.on('end', () => redis.end());
  redis.on('end', () => {
    if (!forgotten) client.end();
  });
  client.on('close', () => redis.destroy());
  redis.on('close', () => {
    if (!forgotten) client.destroy();
  });
  for (const socket of [client, redis]) socket.setNoDelay(true).on('error', () => undefined);
  return {
    reset,
    hold(on) {
      for (const socket of [client, redis])
        if (on) socket.pause();
        else socket.resume();
    },
    forget() {
      forgotten = true;
      redis.destroy();
    },
  };
}

/** The traps that are set, and which of them a command goes into. */
function createTraps(scripts: ScriptNames) {
  const byHash = new Map(Object.entries(scripts).map(([name, { sha }]) => [sha, name]));
  const traps = new Set<Trap>();
  function nameOf(command: Buffer): string {
    const [name, first] = firstWords(command);
    if (name === 'EVALSHA') return byHash.get(first) ?? name;
    if (name === 'EVAL') return byHash.get(createHash('sha1').update(first, 'latin1').digest('hex')) ?? name;
    return name;
  }
  return {
    set(name: string, fate: Fate): Armed {
      let happened = false;
      let spring = (): void => undefined;
      const hit = new Promise<void>((resolve) => {
        spring = resolve;
      });
      const trap: Trap = {
        name,
        fate,
        spring() {
          happened = true;
          traps.delete(trap);
          spring();
        },
      };
      traps.add(trap);
      return { hit, happened: () => happened, disarm: () => void traps.delete(trap) };
    },
    fateOf(command: Buffer): Fate {
      if (traps.size === 0) return 'pass';
      const name = nameOf(command);
      const trap = Array.from(traps).find((one) => one.name === name);
      trap?.spring();
      return trap?.fate ?? 'pass';
    },
  };
}

/** @param scripts names of the scripts that traps may be set for */
export async function startFaultProxy(redisPort: number, scripts: ScriptNames = {}): Promise<FaultProxy> {
  const traps = createTraps(scripts);
  const switches: Switches = { latencyMs: 0, held: false };
  const links = new Map<Socket, Link>();
  const sockets = new Set<Socket>();

  const server = createServer((client) => {
    const redis = connect(redisPort, '127.0.0.1');
    const link = createLink(client, redis, switches, traps.fateOf);
    links.set(client, link);
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('close', () => void sockets.delete(socket));
    }
    client.on('close', () => void links.delete(client));
    if (switches.held) link.hold(true);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    failNext: (name, error) => traps.set(name, Buffer.from(`-${error}\r\n`)),
    dropNext: (name) => traps.set(name, 'drop'),
    setLatency(ms) {
      switches.latencyMs = ms;
    },
    resetAll() {
      for (const link of links.values()) link.reset();
    },
    blackHole(on) {
      switches.held = on;
      for (const link of links.values()) link.hold(on);
    },
    halfOpen() {
      for (const [client, link] of links) {
        link.forget();
        links.delete(client);
      }
    },
    connections: () => links.size,
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
