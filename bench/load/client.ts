/**
 * Requests of one kind, each sent when it is due whether or not earlier ones were answered: as many connections as that
 * takes, up to a bound. Every request comes to exactly one outcome, measured from when it was due.
 */
import { openConnection, type Connection, type ConnectionEvents } from './connection.ts';
import { createRequests, type RequestSpec } from './requests.ts';

/** `status` 0: no answer, by a lost connection or because it was given up. `text` of an answer that failed. */
export type Outcome = { readonly dueAt: number; readonly ms: number; readonly status: number; readonly text: string };

export type Client = {
  request(dueAt: number): void;
  /** Requests without an outcome. */
  open(): number;
  /** Gives up what is open. */
  close(): void;
};

type Parts = {
  readonly port: number;
  readonly spec: RequestSpec;
  /** Of so many requests of a connection one is sent as it was before; 0 = none. */
  readonly repeatEvery?: number;
  readonly maxConnections: number;
  /** Distinct for every request of all clients, so that no two are the same. */
  readonly nextStamp: () => number;
};

type Slot = { next(): Buffer; dueAt: number | undefined };

const FIRST_CONNECTIONS = 8;

export function createClient(
  { port, spec, repeatEvery = 0, maxConnections, nextStamp }: Parts,
  onOutcome: (outcome: Outcome) => void,
): Client {
  const slots = new Map<Connection, Slot>();
  const free: Connection[] = [];
  /** Due times of requests that wait for a connection, the oldest first from `head`. */
  let waiting: number[] = [];
  let head = 0;
  let opened = 0;
  let inFlight = 0;

  function end(dueAt: number, status: number, text: string): void {
    onOutcome({ dueAt, ms: performance.now() - dueAt, status, text });
  }
  function send(connection: Connection, slot: Slot, dueAt: number): void {
    slot.dueAt = dueAt;
    inFlight += 1;
    connection.send(slot.next());
  }
  function release(connection: Connection, slot: Slot): void {
    const dueAt = waiting[head];
    if (dueAt === undefined) {
      free.push(connection);
      return;
    }
    head += 1;
    if (head > 1_000 && head * 2 > waiting.length) [waiting, head] = [waiting.slice(head), 0];
    send(connection, slot, dueAt);
  }
  const events: ConnectionEvents = {
    onOpen(connection) {
      const slot = slots.get(connection);
      if (slot) release(connection, slot);
    },
    onResponse(connection, status, text) {
      const slot = slots.get(connection);
      if (slot?.dueAt === undefined) return;
      end(slot.dueAt, status, text);
      slot.dueAt = undefined;
      inFlight -= 1;
      release(connection, slot);
    },
    onLost(connection, reason) {
      const slot = slots.get(connection);
      slots.delete(connection);
      if (slot?.dueAt !== undefined) {
        inFlight -= 1;
        end(slot.dueAt, 0, reason);
      }
      const at = free.indexOf(connection);
      if (at >= 0) free.splice(at, 1);
    },
  };
  function connectOne(): void {
    const mix = { specs: [spec], repeatEvery };
    slots.set(openConnection(port, events), { next: createRequests(mix, (opened += 1), nextStamp), dueAt: undefined });
  }

  for (let i = 0; i < Math.min(FIRST_CONNECTIONS, maxConnections); i += 1) connectOne();
  return {
    request(dueAt) {
      const connection = free.pop();
      const slot = connection && slots.get(connection);
      if (slot) return send(connection, slot, dueAt);
      waiting.push(dueAt);
      if (slots.size < maxConnections) connectOne();
    },
    open: () => inFlight + waiting.length - head,
    close() {
      const unanswered = Array.from(slots.values(), ({ dueAt }) => dueAt).filter((dueAt) => dueAt !== undefined);
      for (const dueAt of [...unanswered, ...waiting.slice(head)]) end(dueAt, 0, 'given up');
      for (const connection of slots.keys()) connection.close();
      slots.clear();
      [waiting, head, inFlight] = [[], 0, 0];
    },
  };
}
