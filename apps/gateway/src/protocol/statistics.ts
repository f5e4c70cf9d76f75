/**
 * `GET /v2/models/stats`: Triton's statistics from the counters of a queue, which are those of the whole cluster. All eight
 * blocks are always there, in whole numbers: perf_analyzer gives up otherwise.
 */
import type { Model } from '@batchyard/shared/contract/model';

/** Fields of the queue's statistics; what was never counted is absent. */
export type Counters = Readonly<Record<string, number>>;
type Duration = { readonly count: number; readonly ns: number };

const BATCH_SIZE = /^b([1-9][0-9]*)$/;

/**
 * As Triton counts: `success` and `queue` include what the cache answered, `inference_count` (rows), `execution_count` and
 * `compute_…` leave it out. What a run took counts for every request in it, and once in `batch_stats`.
 */
export function modelStatistics(model: Pick<Model, 'name' | 'version'>, counters: Counters) {
  const of = (field: string): number => {
    const value = Math.round(counters[field] ?? 0);
    return Number.isFinite(value) ? Math.max(0, value) : 0;
  };
  const duration = (count: number, ns: number): Duration => ({ count, ns });
  const [computed, hits] = [of('success'), of('hits')];
  const [queueNs, inputNs, inferNs, outputNs] = [of('queue_ns'), of('input_ns'), of('infer_ns'), of('output_ns')];
  const sizes = Object.keys(counters)
    .flatMap((field) => BATCH_SIZE.exec(field)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
  return {
    name: model.name,
    version: model.version,
    last_inference: Math.max(of('last'), of('last_hit')),
    inference_count: of('rows'),
    execution_count: of('runs'),
    inference_stats: {
      success: duration(computed + hits, queueNs + inputNs + inferNs + outputNs + of('hit_ns')),
      fail: duration(of('fail') + of('exp') + of('refused'), of('fail_ns') + of('refused_ns')),
      queue: duration(computed + hits, queueNs),
      compute_input: duration(computed, inputNs),
      compute_infer: duration(computed, inferNs),
      compute_output: duration(computed, outputNs),
      cache_hit: duration(hits, of('hit_ns')),
      cache_miss: duration(of('misses'), of('miss_ns')),
    },
    response_stats: {},
    batch_stats: sizes.map((size) => ({
      batch_size: size,
      compute_input: duration(of(`b${size}`), of(`b${size}_input_ns`)),
      compute_infer: duration(of(`b${size}`), of(`b${size}_infer_ns`)),
      compute_output: duration(of(`b${size}`), of(`b${size}_output_ns`)),
    })),
    memory_usage: [],
  };
}
