/** The memory of the system as the operations port tells it: this gateway's by itself, the workers' by their heartbeats. */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { copiesPerByte, type CopyCount } from '@batchyard/shared/contract/memory';
import { createCopyMetrics } from '@batchyard/shared/runtime/memory-metrics';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import type { InFlightStats } from './bytes-in-flight.ts';

type Parts = {
  readonly metrics: Metrics;
  readonly inFlight: () => InFlightStats;
  readonly copies: CopyCount;
  readonly workers: () => readonly { readonly heartbeat: Heartbeat; readonly silentMs: number }[];
};

const describeCopies = (copies: CopyCount): unknown => ({
  request: { ...copies.request, per_byte: copiesPerByte(copies.request) },
  result: { ...copies.result, per_byte: copiesPerByte(copies.result) },
});

function workerMemory({ id, pid, rss_bytes, memory }: Heartbeat): unknown {
  const known = memory && {
    budget_bytes: memory.budget_bytes,
    pool: memory.pool,
    copies: describeCopies(memory.copies),
  };
  return { id, pid, rss_bytes, ...known };
}

export function createMemoryReport({ metrics, inFlight, copies, workers }: Parts) {
  const bytes = metrics.gauge('batchyard_memory_in_flight_bytes', 'Bytes of requests and of unread answers', ['kind']);
  const limit = metrics.gauge('batchyard_memory_in_flight_limit_bytes', 'Beyond it new bodies are refused unread');
  const paused = metrics.gauge('batchyard_memory_paused_bodies', 'Bodies that are not read on now');
  const refused = metrics.counter('batchyard_memory_refused_total', 'Bodies that were refused unread for want of room');
  const copyMetrics = createCopyMetrics(metrics, copies);
  let told = 0;
  return {
    /** Before the metrics are read. */
    collect(): void {
      const stats = inFlight();
      bytes.set({ kind: 'request' }, stats.requestBytes);
      bytes.set({ kind: 'unread_answer' }, stats.unreadAnswerBytes);
      limit.set(stats.limitBytes);
      paused.set(stats.paused);
      refused.inc(stats.refused - told);
      told = stats.refused;
      copyMetrics();
    },
    report(): unknown {
      const stats = inFlight();
      return {
        gateway: {
          pid: process.pid,
          rss_bytes: process.memoryUsage.rss(),
          in_flight: {
            limit_bytes: stats.limitBytes,
            request_bytes: stats.requestBytes,
            unread_answer_bytes: stats.unreadAnswerBytes,
            high_water_bytes: stats.highWaterBytes,
            reading: stats.reading,
            paused: stats.paused,
            pauses: stats.pauses,
            refused: stats.refused,
          },
          copies: describeCopies(copies),
        },
        workers: workers().map(({ heartbeat }) => workerMemory(heartbeat)),
      };
    },
  };
}
