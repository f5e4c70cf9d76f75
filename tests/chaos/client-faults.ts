/** Faults of clients: slow, idle, impatient, or far too many. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as lasting } from 'node:timers/promises';

import { nextSeed } from './load.ts';
import type { Disturbance, Fault } from './scenario.ts';
import { bodyOf } from './subjects.ts';
import type { World } from './world.ts';

const RECOVERY_MS = 5_000;
const IDLE = 10_000;
const CONNECT_AT_ONCE = 200;

async function connectMany(world: World, count: number): Promise<Socket[]> {
  const port = Number(new URL(world.system.url).port);
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const group = Array.from({ length: Math.min(CONNECT_AT_ONCE, count - sockets.length) }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    );
    sockets.push(...group);
    await Promise.all(group.map((socket) => once(socket, 'connect')));
  }
  return sockets;
}

/** Connections on which nothing is ever said; the gateway closes them after its time for a request's head. */
async function idleConnections({ world, measured }: Disturbance): Promise<void> {
  const sockets = await connectMany(world, IDLE);
  measured('idle connections held (count)', sockets.filter((socket) => !socket.destroyed).length);
  await lasting(2_000);
  for (const socket of sockets) socket.destroy();
}

/** Bodies that come a byte at a time. */
async function slowBodies({ world }: Disturbance): Promise<void> {
  const sockets = await connectMany(world, 200);
  const body = bodyOf('slow', nextSeed());
  for (const socket of sockets)
    socket.write(`POST /v2/models/slow/infer HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`);
  for (let at = 0; at < 30; at += 1) {
    for (const socket of sockets) if (!socket.destroyed) socket.write(body.charAt(at));
    await lasting(100);
  }
  for (const socket of sockets) socket.destroy();
}

/** Redis does not answer for two seconds, and clients ask again the moment that they are refused. */
async function retryStorm({ world, recorder }: Disturbance): Promise<void> {
  let storming = true;
  async function client(): Promise<void> {
    while (storming) await recorder.infer('slow', nextSeed());
  }
  world.proxy.blackHole(true);
  const clients = Array.from({ length: 48 }, client);
  try {
    await lasting(2_000);
    world.proxy.blackHole(false);
    await lasting(1_000);
  } finally {
    world.proxy.blackHole(false);
    storming = false;
    await Promise.all(clients);
  }
}

const base = { excuses: false, recoversWithinMs: RECOVERY_MS } as const;

export const CLIENT_FAULTS: readonly Fault[] = [
  { name: 'bodies a byte at a time', run: slowBodies, ...base, lastsMs: 3_000 },
  { name: 'ten thousand idle connections', run: idleConnections, ...base },
  { name: 'retry storm', run: retryStorm, ...base, excuses: true, lastsMs: 3_000 },
];
