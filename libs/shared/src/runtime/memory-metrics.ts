/** Copies per byte as metrics, the same for gateways and workers. */
import { COPY_STEPS, copiesPerByte, type CopyCount } from '../contract/memory.ts';
import type { Metrics } from './metrics.ts';

/** @returns what is to be called before the metrics are read */
export function createCopyMetrics(metrics: Metrics, copies: CopyCount): () => void {
  const passed = metrics.total(
    'batchyard_memory_passed_bytes_total',
    'Tensor bytes of requests and results that passed through this process',
    ['direction'],
  );
  const copied = metrics.total(
    'batchyard_memory_copied_bytes_total',
    'Bytes that were copied on the way, by where they were',
    ['direction', 'step'],
  );
  const perByte = metrics.gauge('batchyard_memory_copies_per_byte', 'Copies of each byte since the process started', [
    'direction',
  ]);
  return () => {
    for (const direction of ['request', 'result'] as const) {
      passed.set({ direction }, copies[direction].bytes);
      for (const step of COPY_STEPS) copied.set({ direction, step }, copies[direction][step]);
      perByte.set({ direction }, copiesPerByte(copies[direction]));
    }
  };
}
