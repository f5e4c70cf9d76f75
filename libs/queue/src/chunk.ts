import { MAX_BYTES_PER_CALL, MAX_JOBS_PER_CALL } from './operations.ts';

/**
 * Splits a group so that no call carries more than 64 jobs and 1 MiB: Redis must not stand still for tens of
 * milliseconds. A larger job goes alone. Order is kept.
 */
export function chunkJobs<T>(jobs: readonly T[], bytesOf: (job: T) => number): T[][] {
  const chunks: T[][] = [];
  let current: T[] = [];
  let bytes = 0;
  for (const job of jobs) {
    const size = bytesOf(job);
    if (current.length > 0 && (current.length >= MAX_JOBS_PER_CALL || bytes + size > MAX_BYTES_PER_CALL)) {
      chunks.push(current);
      current = [];
      bytes = 0;
    }
    current.push(job);
    bytes += size;
  }
  if (current.length > 0) chunks.push(current);
  return chunks;
}
