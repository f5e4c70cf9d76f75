/** Part of the wiring: what a reading of the metrics asks for. What this process knows is told also while Redis is away. */
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import type { GatewayMetrics, MetricsLook } from './gateway-metrics.ts';

type Parts = {
  readonly metrics: Metrics;
  readonly observed: Pick<GatewayMetrics, 'collect' | 'forget'>;
  readonly look: () => MetricsLook;
  readonly scaling: { collect(): Promise<void> };
  /** Those that nobody has to wait for. */
  readonly own: readonly { collect(): void }[];
};

export function createCollectMetrics({ metrics, observed, look, scaling, own }: Parts) {
  const up = metrics.gauge('batchyard_redis_up', '1 where Redis answered while these metrics were read, otherwise 0');
  return async (): Promise<{ body: string; type: string }> => {
    const asked = await Promise.allSettled([observed.collect(look()), scaling.collect()]);
    const answered = asked.every(({ status }) => status === 'fulfilled');
    up.set(answered ? 1 : 0);
    if (!answered) observed.forget();
    for (const part of own) part.collect();
    return metrics.text();
  };
}
