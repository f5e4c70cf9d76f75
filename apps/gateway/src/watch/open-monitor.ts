/** Everything that watches the cluster, put together: told, merged, followed and shown, once a second. */
import type { QueueOperations } from '@batchyard/queue/queue';
import type { StreamEntry, Watching } from '@batchyard/queue/watching';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import type { Model } from '@batchyard/shared/contract/model';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import { noticeSentence } from '../monitor/describe-alert.ts';
import type { Notice } from '../monitor/alert-state.ts';
import { figuresOf } from '../monitor/figures.ts';
import { fleetChanges, type FleetLook } from '../monitor/fleet-changes.ts';
import type { RedisLook } from '../monitor/make-sample.ts';
import { alertmanagerAlerts, createAlertWebhook, type AlertWebhookParts } from './alert-webhook.ts';
import { createAlertDesk } from './alert-desk.ts';
import { createHistory } from './history.ts';
import { createFollowCluster } from './follow-cluster.ts';
import { eachSecond } from './each-second.ts';
import { createOwnSecond } from './own-second.ts';
import { createTakeSample, parseSample } from './take-sample.ts';

type WorkerView = { readonly heartbeat: Heartbeat; readonly silentMs: number };
type Parts = {
  readonly gateway: string;
  readonly queue: Watching & Pick<QueueOperations, 'counts' | 'statistics'>;
  readonly fleet: {
    models(): readonly { readonly model: Model; readonly queue: string; readonly offered: boolean }[];
    workers(): WorkerView[];
    silentMs(worker: WorkerView): number;
    fresh(): boolean;
  };
  readonly redis: () => RedisLook;
  readonly lookups: () => ReadonlyMap<string, { readonly hits: number; readonly misses: number }>;
  /** What this gateway's process may hold. */
  readonly budgetBytes: number;
  /** This gateway steers: then it speaks for the cluster. */
  readonly holds: () => boolean;
  readonly metrics: Metrics;
  /** Where alerts are told to, and where a reader of them finds more. */
  readonly webhook: Pick<AlertWebhookParts, 'url' | 'post'> | undefined;
  readonly opsUrl: () => string;
  readonly pause: (ms: number) => Promise<void>;
  readonly report: (detail: Record<string, unknown>, sentence: string) => void;
};

/** Gateways tell what they saw at the full second; then there is time for it to arrive. */
const SAMPLE_PHASE_MS = 300;

export function openMonitor(parts: Parts) {
  const { gateway, queue, fleet, holds, report } = parts;
  const show = (entry: StreamEntry): string => {
    const sample = parseSample(entry);
    return sample ? JSON.stringify(figuresOf(sample)) : '{}';
  };
  const cluster = createFollowCluster({ follow: queue.follow, show });
  const webhook = parts.webhook === undefined ? undefined : createAlertWebhook({ ...parts, ...parts.webhook });
  const own = createOwnSecond(parts);
  const alerts = createAlertDesk({ ...queue, samples: cluster.samples, told: cluster.events, metrics: parts.metrics });
  const history = createHistory(cluster.samples);
  parts.metrics.gauge('batchyard_memory_budget_bytes', 'Memory that this process may have').set(parts.budgetBytes);

  function tell(metric: string, notice: Notice, nowMs: number): void {
    const { what, alert } = notice;
    const sentence = noticeSentence(metric, notice);
    const detail = { id: alert.id, metric, severity: alert.severity, value: alert.value, what };
    report(detail, sentence);
    queue.events.tell('alert', { sentence, ...detail });
    webhook?.send(alertmanagerAlerts(metric, notice, { nowMs, url: `${parts.opsUrl()}/v1/alerts` }));
  }
  const sampling = createTakeSample({
    gateway,
    watching: queue,
    beats: () => fleet.workers().map((view) => ({ heartbeat: view.heartbeat, silentMs: fleet.silentMs(view) })),
    queues: () => fleet.models().map((view) => view.queue),
    counts: queue.counts,
    statistics: queue.statistics,
    redis: parts.redis,
    samples: cluster.samples,
    tell,
  });

  let seen: FleetLook | undefined;
  function lookAtFleet(): void {
    if (!fleet.fresh()) return;
    const workers = fleet.workers().map(({ heartbeat: { id, state } }) => ({ id, state }));
    const models = fleet
      .models()
      .filter((view) => view.offered)
      .map((view) => ({ queue: view.queue, file: view.model.sha256 ?? view.model.signature }));
    const now = { workers, models };
    // What was there before the first look is no news; what another gateway told is none either.
    if (seen && holds()) for (const { kind, detail } of fleetChanges(seen, now)) queue.events.tell(kind, detail);
    seen = now;
  }

  let ownSecond = '';
  const telling = eachSecond(async () => {
    ownSecond = await queue.addSecond(own.take());
  });
  const following = eachSecond(async () => {
    lookAtFleet();
    sampling.look(performance.now());
    if (holds() && ownSecond !== '') await sampling.take(ownSecond).catch(() => undefined);
    await cluster.turn();
  }, SAMPLE_PHASE_MS);
  return {
    samples: cluster.samples,
    began: own.began,
    ended: own.ended,
    /** Before the metrics are read. */
    collect: alerts.collect,
    desk: { ...history, alerts: alerts.list, acknowledge: alerts.acknowledge },
    events: { events: cluster.events, since: cluster.since, subscribe: cluster.subscribe },
    stop() {
      telling.stop();
      following.stop();
    },
  };
}
