/**
 * Memory for batches, used again: buffers by size class (powers of two with a half step). Invariants: what is handed out
 * is never handed out again before it came back; used and idle bytes together never exceed the limit; no request is
 * refused: what does not fit is made outside of the pool, and let go when it comes back.
 */
export type SlabPool = {
  /** A view of `bytes` bytes at the start of a slab. */
  acquire(bytes: number): Uint8Array;
  /** Takes back a slab; a buffer that is not one of those handed out is let go. */
  release(slab: ArrayBuffer): void;
  /** Emergency: lets go of everything idle. @returns how many bytes that was */
  cleanUp(): number;
  stats(): SlabStats;
};
export type SlabStats = {
  readonly limitBytes: number;
  readonly usedBytes: number;
  readonly idleBytes: number;
  /** Handed out beyond the limit. */
  readonly outsideBytes: number;
  /** The most that was used, idle and outside together. */
  readonly highWaterBytes: number;
  /** Share of requests served from idle slabs. */
  readonly reuseRatio: number;
  readonly collections: number;
  readonly emergencies: number;
  /** Requests that were served outside of the pool. */
  readonly outside: number;
};

const SMALLEST = 256;
const COLLECT_AT = 0.8;
/** Added to a size that would look like a class of the pool: no two classes are that close. */
const NO_CLASS = 8;

/** 256, 384, 512, 768, 1024, … */
export function sizeClass(bytes: number): number {
  let size = SMALLEST;
  while (size < bytes) {
    if (size * 1.5 >= bytes) return size * 1.5;
    size *= 2;
  }
  return size;
}

type Idle = { readonly slab: ArrayBuffer; readonly since: number };

/** Idle slabs: the one used last is taken first, the one idle for longest goes first. */
function createIdle() {
  const classes = new Map<number, Idle[]>();
  let releases = 0;
  let bytes = 0;

  /** The class with the slab that is idle for longest: the first of its list. */
  function oldest(): number | undefined {
    let found: number | undefined;
    let since = Infinity;
    for (const [size, list] of classes) {
      const first = list[0]?.since ?? Infinity;
      if (first < since) [found, since] = [size, first];
    }
    return found;
  }
  return {
    bytes: () => bytes,
    take(size: number): ArrayBuffer | undefined {
      const slab = classes.get(size)?.pop()?.slab;
      if (slab) bytes -= size;
      return slab;
    },
    put(slab: ArrayBuffer): void {
      const entry = { slab, since: (releases += 1) };
      const list = classes.get(slab.byteLength);
      if (list) list.push(entry);
      else classes.set(slab.byteLength, [entry]);
      bytes += slab.byteLength;
    },
    /** Lets slabs go until no more than `most` bytes are idle. */
    shrink(most: number): void {
      while (bytes > most) {
        const size = oldest();
        if (size === undefined) return;
        classes.get(size)?.shift();
        bytes -= size;
      }
    },
  };
}

export function createSlabPool(limitBytes: number): SlabPool {
  const idle = createIdle();
  /** How many of each size are out. A slab that a thread had comes back as another object: only its size tells. */
  const out = new Map<number, number>();
  let [usedBytes, outsideBytes, highWaterBytes] = [0, 0, 0];
  let [requests, reused, outside, collections, emergencies] = [0, 0, 0, 0, 0];

  /** Makes room, from 80 % of the limit on, for `more` bytes beside what is used. */
  function collect(more: number): void {
    const most = Math.max(0, limitBytes * COLLECT_AT - usedBytes - more);
    if (idle.bytes() <= most) return;
    idle.shrink(most);
    collections += 1;
  }
  function take(bytes: number): ArrayBuffer {
    const size = sizeClass(bytes);
    const slab = idle.take(size);
    if (slab) {
      reused += 1;
      usedBytes += size;
      return slab;
    }
    if (usedBytes + size > limitBytes) {
      const made = new ArrayBuffer(size === bytes ? bytes + NO_CLASS : bytes);
      outside += 1;
      outsideBytes += made.byteLength;
      return made;
    }
    collect(size);
    usedBytes += size;
    return new ArrayBuffer(size);
  }

  return {
    acquire(bytes) {
      requests += 1;
      const slab = take(bytes);
      out.set(slab.byteLength, (out.get(slab.byteLength) ?? 0) + 1);
      highWaterBytes = Math.max(highWaterBytes, usedBytes + outsideBytes + idle.bytes());
      return new Uint8Array(slab, 0, bytes);
    },
    release(slab) {
      const size = slab.byteLength;
      const count = out.get(size) ?? 0;
      if (count === 0) return;
      if (count === 1) out.delete(size);
      else out.set(size, count - 1);
      if (sizeClass(size) !== size) {
        outsideBytes -= size;
        return;
      }
      usedBytes -= size;
      idle.put(slab);
      collect(0);
    },
    cleanUp() {
      const bytes = idle.bytes();
      idle.shrink(0);
      emergencies += 1;
      return bytes;
    },
    stats: () => ({
      limitBytes,
      usedBytes,
      idleBytes: idle.bytes(),
      outsideBytes,
      highWaterBytes,
      reuseRatio: requests === 0 ? 1 : reused / requests,
      collections,
      emergencies,
      outside,
    }),
  };
}
