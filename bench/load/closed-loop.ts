/** Closed loop: each connection sends its next request as soon as the last one was answered. */
import { openConnection, type Connection, type ConnectionEvents } from '@batchyard/loadtest/send/connection';
import { createRequests, createStamps, type RequestMix } from './requests.ts';
import { createTally, type LoadResult } from './tally.ts';

export type ClosedLoad = { readonly port: number; readonly connections: number; readonly mix: RequestMix };

export type ClosedLoop = {
  /** Counts what is answered from now for `ms`. */
  measure(ms: number): Promise<LoadResult>;
  /** Sends nothing more; resolves when what is open has been answered, or after 5 s. */
  stop(): Promise<void>;
};

type User = { next(): Buffer; sentAt: number };

const HOST = '127.0.0.1';
const RECONNECT_MS = 20;
const STOP_LIMIT_MS = 5_000;

export function startClosedLoop({ port, connections, mix }: ClosedLoad): ClosedLoop {
  const users = new Map<Connection, User>();
  const outstanding = new Set<Connection>();
  let tally = createTally();
  let stopping = false;
  const nextStamp = createStamps(mix);

  function send(connection: Connection, user: User): void {
    user.sentAt = performance.now();
    outstanding.add(connection);
    connection.send(user.next());
  }
  const events: ConnectionEvents = {
    onOpen(connection) {
      const user = users.get(connection);
      if (user && !stopping) send(connection, user);
    },
    onResponse(connection, status) {
      const user = users.get(connection);
      if (!user) return;
      outstanding.delete(connection);
      tally.add(status, performance.now() - user.sentAt);
      if (!stopping) send(connection, user);
    },
    onLost(connection, reason) {
      const user = users.get(connection);
      users.delete(connection);
      outstanding.delete(connection);
      if (!user || stopping) return;
      tally.lost(reason);
      setTimeout(() => !stopping && users.set(openConnection({ host: HOST, port }, events), user), RECONNECT_MS);
    },
  };
  for (let i = 0; i < connections; i += 1) {
    users.set(openConnection({ host: HOST, port }, events), { next: createRequests(mix, i, nextStamp), sentAt: 0 });
  }

  return {
    async measure(ms) {
      tally = createTally();
      const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
      await new Promise((resolve) => setTimeout(resolve, ms));
      const { user, system } = process.cpuUsage(cpu);
      return tally.result((performance.now() - startedAt) / 1000, (user + system) / 1e6);
    },
    async stop() {
      stopping = true;
      const limit = performance.now() + STOP_LIMIT_MS;
      while (outstanding.size > 0 && performance.now() < limit) await new Promise((resolve) => setTimeout(resolve, 2));
      for (const connection of users.keys()) connection.close();
    },
  };
}
