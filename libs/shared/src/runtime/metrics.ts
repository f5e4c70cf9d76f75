/** The one door to prom-client: a registry with the process' own metrics, and typed makers. Base units, no ids in labels. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds, from a tenth of a millisecond to half a minute. */
const SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type Total<L extends string> = { set(labels: Readonly<Partial<Record<L, string>>>, value: number): void };

/** prom-client's own gauges whose names say that they were counters. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export type Metrics = {
  counter<L extends string>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** A counter whose sum is kept elsewhere: it is set to that before the metrics are read. */
  total<L extends string>(name: string, help: string, labels?: readonly L[]): Total<L>;
  gauge<L extends string>(name: string, help: string, labels?: readonly L[]): Gauge<L>;
  /** Buckets in seconds unless others are given. */
  histogram<L extends string>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>;
  /** The exposition text and its content type. */
  text(): Promise<{ body: string; type: string }>;
};

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const common = <L extends string>(name: string, help: string, labels: readonly L[] = []) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  const info = new Gauge(common('batchyard_build_info', 'Always 1; what runs here', ['version', 'node']));
  info.set({ version, node: process.version }, 1);
  return {
    counter: (name, help, labels) => new Counter(common(name, help, labels)),
    total<L extends string>(name: string, help: string, labels?: readonly L[]): Total<L> {
      const counter = new Counter(common(name, help, labels));
      return {
        set(of, value) {
          counter.remove(of);
          counter.inc(of, value);
        },
      };
    },
    gauge: (name, help, labels) => new Gauge(common(name, help, labels)),
    histogram: (name, help, labels, buckets = SECONDS) =>
      new Histogram({ ...common(name, help, labels), buckets: [...buckets] }),
    text: async () => ({ body: await registry.metrics(), type: registry.contentType }),
  };
}
