/**
 * Open loop: requests go out at fixed times whether or not earlier ones were answered, and each is measured from the
 * time it should have gone out. A system that stalls is thereby charged for everything that queued up behind the stall
 * (a closed loop would stop asking and hide it), and so is a generator that wakes up late.
 */
import { openConnection, type Connection, type ConnectionEvents } from '@batchyard/loadtest/send/connection';
import { createRequests, createStamps, type RequestMix } from './requests.ts';

export type OpenLoad = {
  readonly port: number;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  readonly mix: RequestMix;
};

/** Times in ms, one per request that was answered with 200. */
export type OpenResult = {
  readonly latencies: readonly number[];
  readonly failed: number;
  /** How often each other outcome was seen: a status with the text of its answer, or why a connection was lost. */
  readonly failures: Readonly<Record<string, number>>;
  /** How late the generator itself was, the worst case. */
  readonly latestSend: number;
};

type Slot = { readonly connection: Connection; next(): Buffer; dueAt: number };

/** A request that finds no free connection opens one, up to so many; beyond, it waits for one. */
const MAX_CONNECTIONS = 256;
const FIRST_CONNECTIONS = 8;
/** Of an answer that is not a result. */
const REASON_CHARS = 200;
const ANSWER_LIMIT_MS = 10_000;
/** Timers of Node fire up to so much late: the rest of the way is polled. */
const TIMER_SLACK_MS = 1.5;

async function sleepUntil(at: number): Promise<void> {
  const coarse = at - performance.now() - TIMER_SLACK_MS;
  if (coarse >= 1) await new Promise((resolve) => setTimeout(resolve, coarse));
  while (performance.now() < at) await new Promise((resolve) => setImmediate(resolve));
}

export async function runOpenLoop({ port, rate, seconds, mix }: OpenLoad): Promise<OpenResult> {
  const slots = new Map<Connection, Slot>();
  const free: Slot[] = [];
  /** Due times of requests that wait for a connection. */
  const waiting: number[] = [];
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const nextStamp = createStamps(mix);
  let [failed, open, latestSend] = [0, 0, 0];

  function fail(why: string): void {
    failed += 1;
    failures[why] = (failures[why] ?? 0) + 1;
  }
  function send(slot: Slot, dueAt: number): void {
    slot.dueAt = dueAt;
    slot.connection.send(slot.next());
  }
  function release(slot: Slot): void {
    const dueAt = waiting.shift();
    if (dueAt === undefined) free.push(slot);
    else send(slot, dueAt);
  }
  const events: ConnectionEvents = {
    onOpen(connection) {
      const slot = slots.get(connection);
      if (slot) release(slot);
    },
    onResponse(connection, status, text) {
      const slot = slots.get(connection);
      // A server may answer 408 to a connection that was never used, and close it: no request of ours failed.
      if (!slot || slot.dueAt === 0) return;
      open -= 1;
      if (status === 200) latencies.push(performance.now() - slot.dueAt);
      else fail(`${status} ${text.slice(0, REASON_CHARS)}`);
      slot.dueAt = 0;
      release(slot);
    },
    onLost(connection, reason) {
      const slot = slots.get(connection);
      slots.delete(connection);
      if (!slot) return;
      if (slot.dueAt > 0) {
        fail(reason);
        open -= 1;
      }
      const at = free.indexOf(slot);
      if (at >= 0) free.splice(at, 1);
    },
  };
  function connectOne(): void {
    const connection = openConnection({ host: '127.0.0.1', port }, events);
    slots.set(connection, { connection, next: createRequests(mix, slots.size, nextStamp), dueAt: 0 });
  }

  for (let i = 0; i < FIRST_CONNECTIONS; i += 1) connectOne();
  const total = Math.round(rate * seconds);
  const start = performance.now() + 100;
  for (let i = 0; i < total; i += 1) {
    const dueAt = start + (1000 * i) / rate;
    await sleepUntil(dueAt);
    latestSend = Math.max(latestSend, performance.now() - dueAt);
    open += 1;
    const slot = free.pop();
    if (slot) send(slot, dueAt);
    else {
      waiting.push(dueAt);
      if (slots.size < MAX_CONNECTIONS) connectOne();
    }
  }
  const limit = performance.now() + ANSWER_LIMIT_MS;
  while (open > 0 && performance.now() < limit) await new Promise((resolve) => setTimeout(resolve, 2));
  for (const connection of slots.keys()) connection.close();
  if (open > 0) failures['no answer'] = open;
  return { latencies, failed: failed + open, failures, latestSend };
}
