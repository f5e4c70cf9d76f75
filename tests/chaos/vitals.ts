/** What a system holds and how fast it answers, before and after it was disturbed. Pure. */
import type { Violation } from './history.ts';

export type Vitals = {
  /** Of the gateway. */
  readonly memoryBytes: number;
  /** Open files of the gateway and all workers, without the connections of HTTP clients. */
  readonly descriptors: number;
  /** In use by Redis, when no finished job is kept. */
  readonly redisBytes: number;
  /** Requests answered a second under a small load; absent where it was not measured. */
  readonly goodput?: number;
};

const SHARE = 0.1;
/** Beside the tenth: a heap that grows to its working size, buffers of connections, some files of the moment. */
const SLACK = { memoryBytes: 64 * 2 ** 20, descriptors: 10, redisBytes: 2 * 2 ** 20 } as const;

/** What is not as before within a tenth. */
export function leftBehind(before: Vitals, after: Vitals): Violation[] {
  const found: Violation[] = [];
  const add = (what: string, was: number, is: number): void =>
    void found.push({ kind: 'left behind', what: `${what}: ${Math.round(is)}, before it was ${Math.round(was)}` });
  for (const name of ['memoryBytes', 'descriptors', 'redisBytes'] as const)
    if (after[name] > before[name] * (1 + SHARE) + SLACK[name]) add(name, before[name], after[name]);
  if (before.goodput !== undefined && after.goodput !== undefined && after.goodput < before.goodput * (1 - SHARE))
    add('goodput', before.goodput, after.goodput);
  return found;
}
