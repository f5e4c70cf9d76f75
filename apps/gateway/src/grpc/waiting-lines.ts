/** What waits: since when, and for its turn. */

/** What waits since when, oldest first. */
export type Watch<T> = {
  add(one: T): void;
  delete(one: T): void;
  /** Those that have waited for so long. */
  late(nowMs: number, limitMs: number): T[];
};

export function createWatch<T>(): Watch<T> {
  const since = new Map<T, number>();
  return {
    add: (one) => void since.set(one, performance.now()),
    delete: (one) => void since.delete(one),
    late(nowMs, limitMs) {
      const late: T[] = [];
      for (const [one, atMs] of since) {
        if (nowMs - atMs < limitMs) break;
        late.push(one);
      }
      return late;
    },
  };
}

/** So many at once, the others in turn. */
export type Turns = {
  enter(begin: () => void): void;
  /** It has ended, or does not want to begin any more. */
  leave(begin: () => void): void;
};

export function createTurns(most: number): Turns {
  const waiting = new Set<() => void>();
  let taken = 0;
  return {
    enter(begin) {
      if (taken >= most) waiting.add(begin);
      else {
        taken += 1;
        begin();
      }
    },
    leave(begin) {
      if (waiting.delete(begin)) return;
      taken -= 1;
      const [next] = waiting;
      if (next === undefined) return;
      waiting.delete(next);
      taken += 1;
      next();
    },
  };
}
