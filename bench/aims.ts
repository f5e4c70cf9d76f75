/** What the figures are meant to reach; ratios where a machine's speed would decide, otherwise scaled by raw onnxruntime. */
import type { Figure } from './figures.ts';

export type Aim = { readonly text: string; met(value: number): boolean };

const atLeast = (bound: number): Aim => ({ text: `≥ ${bound}`, met: (value) => value >= bound });
const atMost = (bound: number): Aim => ({ text: `≤ ${bound}`, met: (value) => value <= bound });
const above = (bound: number): Aim => ({ text: `> ${bound}`, met: (value) => value > bound });

/** At each offered load over the capacity: what is answered in time, over what a closed loop gets answered right before and after. */
const GOODPUT: Readonly<Record<string, number>> = { 2: 0.95, 5: 0.9, 10: 0.85 };

const OVERLOAD_AIMS = Object.fromEntries(
  Object.entries(GOODPUT).flatMap(([factor, goodput]) => [
    [`overload.x${factor}.goodput_of_capacity`, atLeast(goodput)],
    [`overload.x${factor}.critical.p99_of_calm`, atMost(2)],
    [`overload.x${factor}.low.of_capacity`, atLeast(0.05)],
    [`overload.x${factor}.refusal_p99_ms`, atMost(50)],
    [`overload.x${factor}.for_nobody_percent`, atMost(1)],
    [`overload.x${factor}.normal_again_s`, atMost(10)],
  ]),
);

/** Against whichever of the others is best at that load. */
const STRATEGY_AIMS: Readonly<Record<string, Aim>> = {
  ...Object.fromEntries(
    ['low', 'medium', 'saturated'].map((load) => [`strategies.${load}.adaptive.goodput_of_best`, atLeast(0.95)]),
  ),
  'strategies.low.adaptive.p99_over_best_ms': atMost(1),
};

const AIMS: Readonly<Record<string, Aim>> = {
  'raw.heavy.gain': atLeast(4),
  'queue.attached.jobs_per_s': atLeast(8000),
  'queue.durable.jobs_per_s': atLeast(6000),
  'queue.attached.cpu_vs_bullmq': atLeast(2),
  'queue.durable.cpu_vs_bullmq': atLeast(1.6),
  'http.mid.json.c64.of_raw': atLeast(0.45),
  'http.mid.binary.c64.of_raw': atLeast(0.6),
  'http.mid.json.c64.vs_textbook': atLeast(5),
  'latency.mid.50rps.p50_over_run_ms': atMost(3),
  'latency.mid.50rps.p99_ms': atMost(15),
  'memory.total_mb': atMost(350),
  'strategies.saturated.adaptive.efficiency': atLeast(0.8),
  'floor.rps': atLeast(50),
  'floor.mean_ms': atMost(30),
  'floor.p99_ms': atMost(100),
  'floor.success_percent': atLeast(95),
  'floor.memory_mb': atMost(500),
  ...OVERLOAD_AIMS,
  'overload.x5.critical.in_time': atLeast(0.999),
  ...Object.fromEntries([2, 4, 8].map((workers) => [`fill.w${workers}.of_w1`, atLeast(0.9)])),
  ...Object.fromEntries([2, 4, 8].map((workers) => [`fill.w${workers}.in_time`, atLeast(1)])),
  ...Object.fromEntries([1, 2, 4, 8].map((workers) => [`fill.w${workers}.efficiency`, atLeast(0.8)])),
  ...STRATEGY_AIMS,
  'balance.unequal.light.round_robin.share_spread': atMost(1.1),
  'balance.unequal.light.weighted_response_time.off_inverse': atMost(0.15),
  'balance.unequal.light.adaptive.fast_share': atLeast(0.9),
  'control.gateway_idle_cpu': atMost(0.02),
  'control.redis_calls_ratio': atMost(1.2),
  'control.dead.cpu_per_request_ratio': atMost(1.05),
  'control.dead.rps_ratio': atLeast(0.95),
  'cache.zipf.hit_rate': above(0.8),
  'cache.unique.mid.cpu_ratio': atMost(1.03),
  'cache.unique.mlp.cpu_ratio': atMost(1.03),
};

/** However much waits, is kept, or takes: within a fifth of the cost at the smallest, but for what Redis itself must do. */
const FLAT = atMost(1.2);

/** 5,000 requests/s of `mlp` are asked of a machine on which raw onnxruntime runs 7,900 rows/s of `mid`. */
const MLP_PER_RAW_MID = 5000 / 7900;

/** Neither the end nor the trend beyond what a process may gain by chance, see memory/series.ts. */
const STEADY = atMost(1);

export function aimOf(name: string, figures: readonly Figure[]): Aim | undefined {
  if (/^cost\.(?:depth\..*\.own_ratio|(?:kept|workers)\..*\.ratio)$/.test(name)) return FLAT;
  if (/^steady\..*\.(gain|trend)$/.test(name) || name === 'steady.redis.kept_after') return STEADY;
  if (/^peers\..*\.ours_over_/.test(name)) return above(1);
  if (name !== 'http.mlp.json.c64.rps') return AIMS[name];
  const raw = figures.find((figure) => figure.name === 'raw.mid.rows_per_s');
  return raw && atLeast(Math.round(raw.value * MLP_PER_RAW_MID));
}
