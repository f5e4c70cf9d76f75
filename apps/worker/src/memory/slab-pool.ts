/**
 * Memory for batches, used again: buffers by size class (powers of two with a half step). Invariants: what is handed out
 * is never handed out again before it came back; idle and used bytes together never exceed the limit by more than the one
 * request that is being served.
 */
export type SlabPool = {
  /** A view of `bytes` bytes at the start of a slab. */
  acquire(bytes: number): Uint8Array;
  release(slab: ArrayBuffer): void;
  stats(): SlabStats;
};
export type SlabStats = {
  readonly idleBytes: number;
  readonly usedBytes: number;
  readonly highWaterBytes: number;
  /** Share of requests served from idle slabs. */
  readonly reuseRatio: number;
  readonly collections: number;
};

const SMALLEST = 256;
const COLLECT_AT = 0.8;

/** 256, 384, 512, 768, 1024, … */
export function sizeClass(bytes: number): number {
  let size = SMALLEST;
  while (size < bytes) {
    if (size * 1.5 >= bytes) return size * 1.5;
    size *= 2;
  }
  return size;
}

export function createSlabPool(limitBytes: number): SlabPool {
  const idle = new Map<number, ArrayBuffer[]>();
  let idleBytes = 0;
  let usedBytes = 0;
  let highWaterBytes = 0;
  let requests = 0;
  let reused = 0;
  let collections = 0;

  /** Lets all idle slabs go. */
  function collect(): void {
    idle.clear();
    idleBytes = 0;
    collections += 1;
  }

  return {
    acquire(bytes) {
      const size = sizeClass(bytes);
      requests += 1;
      let slab = idle.get(size)?.pop();
      if (slab) {
        idleBytes -= size;
        reused += 1;
      } else {
        if (idleBytes > 0 && idleBytes + usedBytes + size > limitBytes * COLLECT_AT) collect();
        slab = new ArrayBuffer(size);
      }
      usedBytes += size;
      highWaterBytes = Math.max(highWaterBytes, usedBytes + idleBytes);
      return new Uint8Array(slab, 0, bytes);
    },
    release(slab) {
      const size = slab.byteLength;
      usedBytes -= size;
      if (idleBytes + usedBytes + size > limitBytes) return;
      const list = idle.get(size);
      if (list) list.push(slab);
      else idle.set(size, [slab]);
      idleBytes += size;
    },
    stats: () => ({
      idleBytes,
      usedBytes,
      highWaterBytes,
      reuseRatio: requests === 0 ? 1 : reused / requests,
      collections,
    }),
  };
}
