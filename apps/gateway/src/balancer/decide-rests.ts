/**
 * Who takes at once, and who rests. In a pull system idle workers take what is there, however little: with eight of them a
 * load that one could carry in full batches is torn into small ones. So as many workers as the load fills take at once,
 * and the others only what has waited for a while, each longer than the one before: the queue itself says when the fewer
 * are not enough, within milliseconds and without anybody's deciding. Pure.
 *
 * | worker | takes |
 * | --- | --- |
 * | the first n, n = as many as the rows that come would keep busy at their best rate, at least one | at once |
 * | the k-th after them | once the oldest has waited k times two full batches, 20 to 80 ms |
 *
 * While little comes (less than half of what the first could do) all take at once, since batches would be small anyway.
 * A worker that is clearly slower than the fastest is among the last, and rests also then.
 */
export type Seat = {
  readonly worker: string;
  /** Its best rate in this queue. */
  readonly rowsPerMs: number;
  /** How long a batch takes at that rate. */
  readonly batchMs: number;
};
export type Rest = {
  readonly worker: string;
  readonly restMs: number;
  /** In words. */
  readonly reason: string;
};

const SHORTEST_MS = 20;
/** Four fifths of the SLA of class normal; the take itself holds more urgent classes to four fifths of theirs. */
const LONGEST_MS = 80;
const LITTLE = 0.5;
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

/**
 * @param rowsPerMs that come
 * @param best rate that one of them has shown lately
 * @returns those who rest; no one else does
 */
export function decideRests(queue: string, seats: readonly Seat[], rowsPerMs: number, best: number): Rest[] {
  const fastest = Math.max(...seats.map((seat) => seat.rowsPerMs));
  const isSlow = (seat: Seat): boolean => seat.rowsPerMs * SLOW < fastest;
  const order = seats.toSorted(
    (a, b) => Number(isSlow(a)) - Number(isSlow(b)) || place(queue, a.worker) - place(queue, b.worker),
  );
  const first = order[0];
  if (!first || first.rowsPerMs <= 0) return [];
  // Equals are held to the best of them: who has not run for a while knows its rate from when all began at once.
  const rates = order.map((seat) => (isSlow(seat) ? seat.rowsPerMs : Math.max(best, fastest)));
  const little = rowsPerMs < LITTLE * (rates[0] ?? 0);
  const fast = order.filter((seat) => !isSlow(seat)).length;
  const atOnce = little ? fast : Math.max(1, filled(rates, rowsPerMs));
  const stepMs = Math.max(SHORTEST_MS, 2 * first.batchMs);
  return order.slice(atOnce).map((seat, i) => {
    const restMs = Math.round(Math.min(LONGEST_MS, (i + 1) * stepMs));
    const why = isSlow(seat)
      ? `it is ${(fastest / seat.rowsPerMs).toFixed(1)} times as slow as the fastest`
      : `${atOnce} of ${order.length} workers can do the ${Math.round(1000 * rowsPerMs)} rows/s that come`;
    return { worker: seat.worker, restMs, reason: `${queue}: takes what has waited ${restMs} ms: ${why}` };
  });
}
