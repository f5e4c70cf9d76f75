/**
 * Who takes at once, and who rests. In a pull system idle workers take what is there, however little: with eight of them a
 * load that one could carry in full batches is torn into small ones. So as many workers as the load fills take at once,
 * and the others only what has waited for a while, each longer than the one before: the queue itself says when the fewer
 * are not enough, within milliseconds and without anybody's deciding. Pure.
 *
 * | worker | takes |
 * | --- | --- |
 * | the first n, n = as many as the rows that come would keep busy at their best rate, at least one | at once |
 * | the k-th after them | once the oldest has waited k times two full batches, 20 to 80 ms, or as many rows wait as fill a batch of each before it and its own |
 * | who finds no core of its host left by those before it (crowding.ts) | once nobody has taken for as long as four full batches take, 0.4 to 4 s: until then it would only slow the others down |
 *
 * While little comes (less than half of what the first could do) all take at once, since batches would be small anyway;
 * who finds no core only while half of the cores would be idle even if all that comes, in all queues, ran alone: several
 * that come at the same moment then share the cores instead of waiting for a run to end.
 * A worker that is clearly slower than the fastest is among the last, and rests also then.
 */
import type { TakeRule } from '@batchyard/shared/contract/directive';

import { crowdedOut, type Post } from './crowding.ts';

export type Seat = {
  readonly worker: string;
  /** Its best rate in this queue. */
  readonly rowsPerMs: number;
  /** The largest batch of its table. */
  readonly maxRows: number;
  /** How long a batch takes at that rate. */
  readonly batchMs: number;
  readonly post: Post;
  /** Whether its last runs call it slow, and how many times; where they are not known its rate decides. */
  readonly slow?: { readonly is: boolean; readonly times: number };
  /** Lower ones are among the first; equal where it is absent. */
  readonly rank?: number;
};
/** What comes, and what the fleet has shown. */
export type Demand = {
  readonly rowsPerMs: number;
  /** The best rate in this queue that one of them has shown lately. */
  readonly best: number;
  /** Cores that all that comes in all queues would keep busy if each request ran alone. */
  readonly busyCores: number;
};
export type Rest = {
  readonly worker: string;
  readonly rule: Pick<TakeRule, 'rest_rows' | 'rest_while_taken_ms'> & { readonly rest_ms: number };
  /** In words. */
  readonly reason: string;
};

const SHORTEST_MS = 20;
/** Four fifths of the SLA of class normal; the take itself holds more urgent classes to four fifths of theirs. */
const LONGEST_MS = 80;
/** Who finds no core: however old the jobs are the cores are busy, but for when those that should take hang or are dead. */
const CROWDED = { least: 400, most: 4_000, batches: 4 };
const LITTLE = 0.5;
/** Of the cores of its hosts. */
const IDLE = 0.5;
/** Times as slow as the fastest. */
const SLOW = 1.5;

/** FNV-1a: another order in every queue, so that a worker which is first in one is not first in all. */
function place(queue: string, worker: string): number {
  let hash = 0x811c9dc5;
  for (const char of `${queue} ${worker}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}

/** How many workers of these rates, from the front, `rowsPerMs` would keep busy. */
function filled(rates: readonly number[], rowsPerMs: number): number {
  let rest = rowsPerMs;
  return rates.filter((rate) => (rest -= rate) >= 0).length;
}

function coresOf(seats: readonly Seat[]): number {
  const hosts = new Map(seats.map(({ post }) => [post.host, post.cores]));
  return Array.from(hosts.values()).reduce((sum, cores) => sum + cores, 0);
}

/** @returns those who rest; no one else does */
export function decideRests(queue: string, seats: readonly Seat[], demand: Demand): Rest[] {
  const { rowsPerMs, best, busyCores } = demand;
  const fastest = Math.max(...seats.map((seat) => seat.rowsPerMs));
  const isSlow = (seat: Seat): boolean => seat.slow?.is ?? seat.rowsPerMs * SLOW < fastest;
  const byPlace = seats.toSorted(
    (a, b) =>
      Number(isSlow(a)) - Number(isSlow(b)) ||
      (a.rank ?? 0) - (b.rank ?? 0) ||
      place(queue, a.worker) - place(queue, b.worker),
  );
  const crowded = crowdedOut(byPlace);
  const order = byPlace.filter((seat) => !crowded.has(seat));
  const first = order[0];
  if (!first || first.rowsPerMs <= 0) return [];
  // Equals are held to the best of them: who has not run for a while knows its rate from when all began at once.
  const rates = order.map((seat) => (isSlow(seat) ? seat.rowsPerMs : Math.max(best, fastest)));
  const little = rowsPerMs < LITTLE * (rates[0] ?? 0);
  const fast = order.filter((seat) => !isSlow(seat)).length;
  const atOnce = little ? fast : Math.max(1, filled(rates, rowsPerMs));
  const stepMs = Math.max(SHORTEST_MS, 2 * first.batchMs);
  const behind = order.slice(atOnce).map((seat, i) => {
    const why = isSlow(seat)
      ? `it is ${(seat.slow?.times ?? fastest / seat.rowsPerMs).toFixed(1)} times as slow as the fastest`
      : `${atOnce} of ${order.length} workers can do the ${Math.round(1000 * rowsPerMs)} rows/s that come`;
    const restMs = Math.round(Math.min(LONGEST_MS, (i + 1) * stepMs));
    const rows = (atOnce + i + 1) * seat.maxRows;
    const alone = isSlow(seat) ? '' : `, or at once where ${rows} rows wait`;
    const reason = `${queue}: takes what has waited ${restMs} ms${alone}: ${why}`;
    return { worker: seat.worker, rule: { rest_ms: restMs, ...(isSlow(seat) ? {} : { rest_rows: rows }) }, reason };
  });
  const goneMs = Math.round(Math.max(CROWDED.least, Math.min(CROWDED.most, CROWDED.batches * first.batchMs)));
  const idle = little && busyCores < IDLE * coresOf(seats);
  const without = [...crowded]
    .filter((seat) => !idle || isSlow(seat))
    .map(({ worker, post: { cores, host } }) => ({
      worker,
      rule: { rest_ms: LONGEST_MS, rest_while_taken_ms: goneMs },
      reason: `${queue}: takes when nobody has for ${goneMs} ms: others can keep the ${cores} cores of ${host} busy`,
    }));
  return [...behind, ...without];
}
