/** What this gateway knows of models and workers: read from Redis once a second, and asked of memory by every request. */
import type { Heartbeat, LatencyPoint } from '@batchyard/shared/contract/heartbeat';
import { queueName, type Model } from '@batchyard/shared/contract/model';

import { capacity } from '../admission/predict-wait.ts';
import { crowdedOut, postOf } from '../balancer/crowding.ts';

type Source = {
  models(): Promise<Model[]>;
  workers(): Promise<WorkerView[]>;
  memoryShare(): Promise<number>;
};

export type WorkerView = { readonly heartbeat: Heartbeat; readonly silentMs: number };
export type ModelView = {
  readonly model: Model;
  readonly queue: string;
  /** That serve it, and go on serving it. */
  readonly workers: number;
  /** It may be asked for; what was withdrawn keeps its queue for as long as something of it is left. */
  readonly offered: boolean;
  readonly latency: readonly LatencyPoint[];
  /** Capacity of all of them together at their best batch sizes; workers without a core of their own add none. */
  readonly rowsPerMs: number;
};

export type FleetView = {
  refresh(): Promise<void>;
  /** The model, in the version asked for or its newest ready one; only what is offered. */
  model(name: string, version?: string): ModelView | undefined;
  byQueue(queue: string): ModelView | undefined;
  /** Whether any version is offered. */
  known(name: string): boolean;
  /** Of a model, those that are served, else all that are known; the newest first. */
  versions(name: string): string[];
  /** All of which something is left. */
  models(): ModelView[];
  workers(): WorkerView[];
  /** Those of them that serve, and were heard of lately. */
  serving(): WorkerView[];
  /** Some model can be asked for, or the workers are there and have been given none. */
  ready(): boolean;
  /** Since its last beat, up to this moment. */
  silentMs(worker: WorkerView): number;
  memoryShare(): number;
  /** False once Redis has not answered for a while. */
  fresh(): boolean;
};

const SILENT_MS = 3_500;
const STALE_MS = 4_000;
/** A Redis that lost its keys hears of its models again with the next beats; until then they are not unknown. */
const REMEMBERED_MS = 10_000;

const newest = (a: ModelView, b: ModelView): number =>
  b.model.version.localeCompare(a.model.version, undefined, { numeric: true });

export function createFleetView(source: Source, monotonicMs: () => number = () => performance.now()): FleetView {
  const announced = new Map<string, { readonly model: Model; readonly atMs: number }>();
  let byName = new Map<string, ModelView[]>();
  let byQueue = new Map<string, ModelView>();
  let all: ModelView[] = [];
  let workers: WorkerView[] = [];
  let memory = 0;
  let refreshedAt = Number.NEGATIVE_INFINITY;

  const serving = (): WorkerView[] =>
    workers.filter(({ heartbeat, silentMs }) => silentMs < SILENT_MS && heartbeat.state === 'serving');
  function view(model: Model): ModelView {
    const queue = queueName(model.name, model.version);
    const loaded = serving().flatMap(({ heartbeat }) =>
      heartbeat.models
        .filter((one) => one.queue === queue)
        .map(({ latency, sessions, leaving = false }) => ({
          latency,
          sessions,
          leaving,
          post: postOf(heartbeat, queue),
        })),
    );
    const crowded = crowdedOut(loaded);
    const own = loaded
      .filter((one) => !crowded.has(one))
      .flatMap(({ latency: table, sessions, post }) => {
        const atOnce = Math.min(sessions, Math.floor(post.cores / post.threads));
        return Array.from({ length: Math.max(1, atOnce) }, () => table);
      });
    const latency = loaded.flatMap((one) => one.latency);
    const staying = loaded.filter((one) => !one.leaving).length;
    const offered = model.withdrawn !== true || staying > 0;
    return { model, queue, workers: staying, offered, latency, rowsPerMs: capacity(own) };
  }

  function remember(models: readonly Model[], nowMs: number): Model[] {
    for (const model of models) announced.set(queueName(model.name, model.version), { model, atMs: nowMs });
    for (const [queue, { atMs }] of announced) if (nowMs - atMs > REMEMBERED_MS) announced.delete(queue);
    return Array.from(announced.values(), ({ model }) => model);
  }

  return {
    async refresh() {
      const [models, beats, share] = await Promise.all([source.models(), source.workers(), source.memoryShare()]);
      workers = beats;
      const grouped = new Map<string, ModelView[]>();
      for (const model of remember(models, monotonicMs()))
        grouped.set(model.name, [...(grouped.get(model.name) ?? []), view(model)].toSorted(newest));
      all = [...grouped.values()].flat();
      byName = new Map(
        Array.from(grouped, ([name, views]) => [name, views.filter((one) => one.offered)] as const).filter(
          ([, views]) => views.length > 0,
        ),
      );
      byQueue = new Map(all.map((one) => [one.queue, one]));
      memory = share;
      refreshedAt = monotonicMs();
    },
    model(name, version) {
      const versions = byName.get(name);
      if (version !== undefined) return versions?.find((one) => one.model.version === version);
      return versions?.find((one) => one.workers > 0) ?? versions?.[0];
    },
    byQueue: (queue) => byQueue.get(queue),
    known: (name) => byName.has(name),
    versions(name) {
      const own = byName.get(name) ?? [];
      const ready = own.filter((one) => one.workers > 0);
      return (ready.length > 0 ? ready : own).map((one) => one.model.version);
    },
    models: () => all,
    workers: () => workers,
    serving,
    ready: () => all.some((one) => one.workers > 0) || serving().some(({ heartbeat }) => heartbeat.models.length === 0),
    silentMs: (worker) => worker.silentMs + monotonicMs() - refreshedAt,
    memoryShare: () => memory,
    fresh: () => monotonicMs() - refreshedAt < STALE_MS,
  };
}
