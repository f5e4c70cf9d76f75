/**
 * Requests, each sent when it is due whether or not earlier ones were answered: as many connections as that takes, up to a
 * bound. Every request comes to exactly one outcome, measured from when it was due.
 */
import { openConnection, type Address, type Connection, type ConnectionEvents } from './connection.ts';

/** `status` 0: no answer, by a lost connection or because it was given up. `text` of an answer that failed. */
export type Outcome = {
  readonly dueAt: number;
  readonly ms: number;
  readonly status: number;
  readonly text: string;
  /** As it was given with the request. */
  readonly tag: number;
  /** From its first byte; undefined when it never left. */
  readonly sentMs: number | undefined;
};

export type Client = {
  /** @param tag what `bytesOf` makes it from */
  request(dueAt: number, tag?: number): void;
  /** Requests without an outcome. */
  open(): number;
  /** Of them, those that wait for a connection. */
  unsent(): number;
  connections(): number;
  /** Gives up what was due before `dueAt`, and the connections that it is on. */
  expire(dueAt: number, reason: string): void;
  /** Gives up what is open. */
  close(): void;
};

type Parts = {
  readonly address: Address;
  readonly maxConnections: number;
  /** @param connection its number, from 1: bytes that are being sent must not change before their answer has come */
  bytesOf(connection: number, tag: number): Buffer;
};

type Due = { readonly dueAt: number; readonly tag: number };
type Slot = { readonly number: number; due: Due | undefined; sentAt: number };

const FIRST_CONNECTIONS = 8;

/** First in, first out, and no shifting of a long array. */
function createLine() {
  let all: Due[] = [];
  let head = 0;
  return {
    push: (due: Due): void => void all.push(due),
    first: (): Due | undefined => all[head],
    take(): Due | undefined {
      const due = all[head];
      if (due !== undefined) head += 1;
      if (head > 1_000 && head * 2 > all.length) [all, head] = [all.slice(head), 0];
      return due;
    },
    length: (): number => all.length - head,
    takeAll(): Due[] {
      const rest = all.slice(head);
      [all, head] = [[], 0];
      return rest;
    },
  };
}

export function createClient(
  { address, maxConnections, bytesOf }: Parts,
  onOutcome: (outcome: Outcome) => void,
): Client {
  const slots = new Map<Connection, Slot>();
  const free: Connection[] = [];
  const waiting = createLine();
  let opened = 0;
  let inFlight = 0;

  function end({ dueAt, tag }: Due, slot: Slot | undefined, status: number, text: string): void {
    const now = performance.now();
    onOutcome({ dueAt, ms: now - dueAt, status, text, tag, sentMs: slot && now - slot.sentAt });
  }
  function send(connection: Connection, slot: Slot, due: Due): void {
    slot.due = due;
    slot.sentAt = performance.now();
    inFlight += 1;
    connection.send(bytesOf(slot.number, due.tag));
  }
  function release(connection: Connection, slot: Slot): void {
    const due = waiting.take();
    if (due === undefined) free.push(connection);
    else send(connection, slot, due);
  }
  /** The connection is gone, and with it what it carried. */
  function drop(connection: Connection, reason: string): void {
    const slot = slots.get(connection);
    slots.delete(connection);
    const at = free.indexOf(connection);
    if (at >= 0) free.splice(at, 1);
    if (slot?.due === undefined) return;
    inFlight -= 1;
    end(slot.due, slot, 0, reason);
  }
  const events: ConnectionEvents = {
    onOpen(connection) {
      const slot = slots.get(connection);
      if (slot) release(connection, slot);
    },
    onResponse(connection, status, text) {
      const slot = slots.get(connection);
      if (slot?.due === undefined) return;
      end(slot.due, slot, status, text);
      slot.due = undefined;
      inFlight -= 1;
      release(connection, slot);
    },
    onLost(connection, reason) {
      drop(connection, reason);
      // Whoever waits must not wait for a connection that nobody opens, and not be tried for ever either.
      if (slots.size > 0) return;
      for (const due of waiting.takeAll()) end(due, undefined, 0, reason);
    },
  };
  function connectOne(): void {
    slots.set(openConnection(address, events), { number: (opened += 1), due: undefined, sentAt: 0 });
  }

  for (let i = 0; i < Math.min(FIRST_CONNECTIONS, maxConnections); i += 1) connectOne();
  return {
    request(dueAt, tag = 0) {
      const connection = free.pop();
      const slot = connection && slots.get(connection);
      if (slot) return send(connection, slot, { dueAt, tag });
      waiting.push({ dueAt, tag });
      if (slots.size < maxConnections) connectOne();
    },
    open: () => inFlight + waiting.length(),
    unsent: waiting.length,
    connections: () => slots.size,
    expire(dueAt, reason) {
      for (const [connection, { due }] of slots) {
        if (due === undefined || due.dueAt >= dueAt) continue;
        connection.close();
        drop(connection, reason);
      }
      for (let due = waiting.first(); due !== undefined && due.dueAt < dueAt; due = waiting.first()) {
        waiting.take();
        end(due, undefined, 0, reason);
      }
    },
    close() {
      const sent = Array.from(slots.values()).filter(({ due }) => due !== undefined);
      for (const slot of sent) if (slot.due) end(slot.due, slot, 0, 'given up');
      for (const due of waiting.takeAll()) end(due, undefined, 0, 'given up');
      for (const connection of slots.keys()) connection.close();
      slots.clear();
      inFlight = 0;
    },
  };
}
