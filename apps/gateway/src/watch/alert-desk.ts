/** Alerts as the operations port tells them, and their acknowledgement: any gateway answers for all. */
import type { StreamEntry, Watching } from '@batchyard/queue/watching';
import { Failure } from '@batchyard/shared/contract/failure';
import { SEVERITIES } from '@batchyard/shared/contract/sample';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import type { Raised } from '../monitor/alert-state.ts';
import { alertSentence } from '../monitor/describe-alert.ts';
import { RULES } from '../monitor/thresholds.ts';
import { parseSample } from './take-sample.ts';

type Parts = Pick<Watching, 'acknowledge' | 'acknowledged' | 'events'> & {
  readonly samples: () => readonly StreamEntry[];
  /** Those that are held. */
  readonly told: () => readonly { readonly kind: string }[];
  readonly metrics: Metrics;
};

const TOLD_AT_MOST = 50;
/** Of a cluster in which nobody steers nothing is known. */
const STALE_MS = 10_000;

export function createAlertDesk({ samples, told, acknowledge, acknowledged, events, metrics }: Parts) {
  const gauge = metrics.gauge('batchyard_alerts', 'Whether an alert is raised now', ['metric', 'severity']);

  function raised(): { metric: string; alert: Raised }[] {
    const last = samples().at(-1);
    const sample = last && Date.now() - Number(last.id.split('-')[0]) < STALE_MS ? parseSample(last) : undefined;
    return Object.entries(sample?.alerts ?? {}).flatMap(([metric, state]) =>
      state.raised ? [{ metric, alert: state.raised }] : [],
    );
  }

  return {
    /** Before the metrics are read. */
    collect(): void {
      const now = raised();
      for (const { metric } of RULES)
        for (const severity of SEVERITIES) {
          const is = now.some((one) => one.metric === metric && one.alert.severity === severity);
          gauge.set({ metric, severity }, is ? 1 : 0);
        }
    },
    async list(): Promise<unknown> {
      const now = raised();
      const known = now.length > 0 ? await acknowledged() : new Map<string, number>();
      return {
        alerts: now.map(({ metric, alert }) => ({
          metric,
          ...alert,
          acknowledged_ms: known.get(alert.id) ?? alert.acknowledged_ms ?? null,
          sentence: alertSentence(metric, alert),
        })),
        rules: RULES.map(({ metric, name, thresholds, lowerIsWorse }) => ({
          metric,
          name,
          ...thresholds,
          worse: lowerIsWorse ? 'lower' : 'higher',
        })),
        told: told()
          .filter(({ kind }) => kind === 'alert')
          .slice(-TOLD_AT_MOST),
      };
    },
    /** @throws Failure not_found */
    async acknowledge(id: string): Promise<unknown> {
      const found = raised().find(({ alert }) => alert.id === id);
      if (!found) throw new Failure('not_found', 'no such alert is raised');
      const atMs = Date.now();
      await acknowledge(id, atMs);
      const { metric, alert } = found;
      const sentence = `acknowledged: ${alertSentence(metric, alert)}`;
      events.tell('alert', {
        sentence,
        id,
        metric,
        severity: alert.severity,
        value: alert.value,
        what: 'acknowledged',
      });
      return { id, metric, acknowledged_ms: atMs };
    },
  };
}
