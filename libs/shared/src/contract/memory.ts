/** What a process tells of its memory: its slab pool, and how often it copies the bytes that pass through it. */
import { z } from 'zod';

/**
 * Where bytes are copied on their way: parts of a body joined; into or out of a job's blob; a reply of Redis joined or a
 * command written; rows into a slab; a model's output into JavaScript; into the answer.
 */
export const COPY_STEPS = ['body', 'blob', 'redis', 'slab', 'output', 'answer'] as const;
type CopyStep = (typeof COPY_STEPS)[number];

/** Tensor bytes that passed, and of each step those that it copied. Counted where they are copied: no call, no allocation. */
export type Passed = { bytes: number } & Record<CopyStep, number>;
/** Requests on their way in, and results on their way out. */
export type CopyCount = { readonly request: Passed; readonly result: Passed };

const none = (): Passed => ({ bytes: 0, body: 0, blob: 0, redis: 0, slab: 0, output: 0, answer: 0 });
export const createCopyCount = (): CopyCount => ({ request: none(), result: none() });

/** Copies of each byte; 0 before any has passed. */
export function copiesPerByte(passed: Passed): number {
  const copied = COPY_STEPS.reduce((sum, step) => sum + passed[step], 0);
  return passed.bytes === 0 ? 0 : copied / passed.bytes;
}

const count = z.number().min(0);
const passedSchema = z.object({
  bytes: count,
  body: count,
  blob: count,
  redis: count,
  slab: count,
  output: count,
  answer: count,
});

export const workerMemorySchema = z.object({
  /** RSS beyond which the pool lets everything idle go. */
  budget_bytes: count,
  pool: z.object({
    limit_bytes: count,
    used_bytes: count,
    idle_bytes: count,
    outside_bytes: count,
    high_water_bytes: count,
    reuse_ratio: z.number(),
    collections: count,
    emergencies: count,
    outside: count,
  }),
  copies: z.object({ request: passedSchema, result: passedSchema }),
});
export type WorkerMemory = z.infer<typeof workerMemorySchema>;
