/** How much memory a worker may use where nobody says so, and when it uses too much. */
import type { SlabStats } from './slab-pool.ts';

export type MemoryLimits = {
  /** Of the slab pool. */
  readonly slabBytes: number;
  /** Of the process (RSS); beyond it everything idle is let go. */
  readonly budgetBytes: number;
};

const MIB = 1_048_576;
const SLAB_BYTES = 400 * MIB;
const SMALLEST_SLAB_BYTES = 16 * MIB;
const SLAB_SHARE = 1 / 16;
const BUDGET_SHARE = 3 / 4;

/**
 * @param asked what the settings say; undefined = as the machine allows
 * @param machineBytes memory of the machine, or of the container
 * @param workers that share it
 */
export function memoryLimits(
  asked: { readonly slabBytes: number | undefined; readonly budgetBytes: number | undefined },
  machineBytes: number,
  workers: number,
): MemoryLimits {
  const share = machineBytes / Math.max(1, workers);
  const fitting = Math.max(SMALLEST_SLAB_BYTES, Math.floor(share * SLAB_SHARE));
  return {
    slabBytes: asked.slabBytes ?? Math.min(SLAB_BYTES, fitting),
    budgetBytes: asked.budgetBytes ?? Math.floor(share * BUDGET_SHARE),
  };
}

/** Time for what was let go to be collected and returned, before more of it is expected to help. */
const AGAIN_MS = 5_000;

/** Whether the process is past its budget and the pool could give something back. */
export function decideCleanUp(
  { rssBytes, budgetBytes }: { readonly rssBytes: number; readonly budgetBytes: number },
  pool: Pick<SlabStats, 'idleBytes'>,
  sinceLastMs: number,
): boolean {
  return rssBytes > budgetBytes && pool.idleBytes > 0 && sinceLastMs >= AGAIN_MS;
}
