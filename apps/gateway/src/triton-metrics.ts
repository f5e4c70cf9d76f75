/**
 * What a gateway knows of Triton's metrics, under Triton's names, so that dashboards made for it work here. What ran is told
 * by the workers under the same names: the sum over all processes is the cluster's.
 */
import { modelOfQueue } from '@batchyard/shared/contract/model';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

type Lookups = ReadonlyMap<string, { readonly hits: number; readonly misses: number }>;

export function createTritonMetrics(metrics: Metrics) {
  const ofModel = ['model', 'version'] as const;
  const pending = metrics.gauge(
    'nv_inference_pending_request_count',
    'Instantaneous number of pending requests awaiting execution per-model',
    ofModel,
  );
  const success = metrics.total(
    'nv_inference_request_success',
    'Number of successful inference requests, all batch sizes',
    ofModel,
  );
  const failure = metrics.counter(
    'nv_inference_request_failure',
    'Number of failed inference requests, all batch sizes',
    [...ofModel, 'reason'],
  );
  const hitsPerModel = metrics.total('nv_cache_num_hits_per_model', 'Number of cache hits per model', ofModel);
  const missesPerModel = metrics.total('nv_cache_num_misses_per_model', 'Number of cache misses per model', ofModel);
  const entries = metrics.gauge('nv_cache_num_entries', 'Number of responses stored in response cache');
  const lookups = metrics.total('nv_cache_num_lookups', 'Number of cache lookups in response cache');
  const hits = metrics.total('nv_cache_num_hits', 'Number of cache hits in response cache');
  const misses = metrics.total('nv_cache_num_misses', 'Number of cache misses in response cache');
  return {
    pending: (queue: string, depth: number): void => pending.set(modelOfQueue(queue), depth),
    /** How many are pending is not known. */
    forget: (): void => pending.reset(),
    /** Of what never ran; the rest is the workers'. */
    ended(queue: string, outcome: string, count: number): void {
      const labels = modelOfQueue(queue);
      if (outcome === 'refused' || outcome === 'expired') failure.inc({ ...labels, reason: 'REJECTED' }, count);
      if (outcome === 'cancelled') failure.inc({ ...labels, reason: 'CANCELED' }, count);
    },
    cache(found: Lookups, kept: number): void {
      let [hit, missed] = [0, 0];
      for (const [queue, own] of found) {
        const labels = modelOfQueue(queue);
        // Answered without a run, and so by no worker.
        success.set(labels, own.hits);
        hitsPerModel.set(labels, own.hits);
        missesPerModel.set(labels, own.misses);
        hit += own.hits;
        missed += own.misses;
      }
      entries.set(kept);
      lookups.set({}, hit + missed);
      hits.set({}, hit);
      misses.set({}, missed);
    },
  };
}
