/**
 * Which models are in memory. Those that are in use stay; where there is no room for another one, the one that was not used
 * for longest goes. One comes at a time.
 *
 * - The bytes of what is in memory, or on its way in or out, are within the limit, but for a single one that is larger.
 * - What is in use is never taken out.
 */
export type MemoryItem = {
  /** What it takes, as far as is known. */
  readonly bytes: number;
  load(): Promise<void>;
  unload(): Promise<void>;
};

export type ModelMemory = {
  /** It is in memory while the work goes on. @throws what its loading throws */
  use<T>(item: MemoryItem, work: () => Promise<T>): Promise<T>;
  isIn(item: MemoryItem): boolean;
  /** It is not used any more; resolves when it is out, after what uses it now. */
  drop(item: MemoryItem): Promise<void>;
  figures(): MemoryFigures;
};

export type MemoryFigures = {
  readonly limitBytes: number;
  readonly usedBytes: number;
  readonly models: number;
  readonly loads: number;
  readonly evictions: number;
};

type Place = {
  state: 'out' | 'in' | 'moving';
  users: number;
  usedAt: number;
  /** All who need it wait for one and the same: a second one behind others in the turn would keep their room. */
  coming?: Promise<void> | undefined;
};

/** @param limitBytes Infinity: nothing is ever taken out */
export function createModelMemory(limitBytes: number): ModelMemory {
  const places = new Map<MemoryItem, Place>();
  let turn: Promise<unknown> = Promise.resolve();
  let tellFreed: (() => void)[] = [];
  let [uses, loads, evictions] = [0, 0, 0];

  const placeOf = (item: MemoryItem): Place => {
    const known = places.get(item) ?? { state: 'out', users: 0, usedAt: 0 };
    places.set(item, known);
    return known;
  };
  const inMemory = (): [MemoryItem, Place][] => [...places].filter(([, place]) => place.state !== 'out');
  const usedBytes = (): number => inMemory().reduce((sum, [item]) => sum + item.bytes, 0);
  const untilFreed = (): Promise<void> => new Promise((resolve) => void tellFreed.push(resolve));
  function free(): void {
    const told = tellFreed;
    tellFreed = [];
    for (const tell of told) tell();
  }

  async function takeOut(item: MemoryItem, place: Place): Promise<void> {
    place.state = 'moving';
    // What cannot be closed is not used any more either.
    await item.unload().catch(() => undefined);
    place.state = 'out';
  }
  async function makeRoom(bytes: number): Promise<void> {
    for (;;) {
      const all = inMemory();
      if (all.length === 0 || usedBytes() + bytes <= limitBytes) return;
      const idle = all.filter(([, place]) => place.state === 'in' && place.users === 0);
      const [oldest] = idle.toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
      if (oldest) {
        await takeOut(...oldest);
        evictions += 1;
      } else await untilFreed();
    }
  }
  async function bring(item: MemoryItem, place: Place): Promise<void> {
    if (place.state === 'in') return;
    await makeRoom(item.bytes);
    place.state = 'moving';
    try {
      await item.load();
      place.state = 'in';
      loads += 1;
    } catch (error) {
      place.state = 'out';
      throw error;
    }
  }
  /** One after the other, so that two do not count on the same room. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    async use(item, work) {
      const place = placeOf(item);
      // From here on it cannot be taken out.
      place.users += 1;
      try {
        if (place.state !== 'in') {
          place.coming ??= inTurn(() => bring(item, place)).finally(() => (place.coming = undefined));
          await place.coming;
        }
        return await work();
      } finally {
        place.users -= 1;
        place.usedAt = uses += 1;
        if (place.users === 0) free();
      }
    },
    isIn: (item) => places.get(item)?.state === 'in',
    async drop(item) {
      const place = placeOf(item);
      while (place.users > 0) await untilFreed();
      await inTurn(async () => {
        if (place.state === 'in') await takeOut(item, place);
        places.delete(item);
        free();
      });
    },
    figures: () => ({
      limitBytes,
      usedBytes: usedBytes(),
      models: inMemory().length,
      loads,
      evictions,
    }),
  };
}
