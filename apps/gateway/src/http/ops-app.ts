/** The operations listener: metrics, probes, workers, queues, and Bull Board as the raw view. Never on the public port. */
import { createBullBoard } from '@bull-board/api';
import type { BaseAdapter } from '@bull-board/api/baseAdapter';
import { ExpressAdapter } from '@bull-board/express';
import express, { type Express } from 'express';

import type { QueueCounts } from '@batchyard/queue/count-jobs';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import { modelOfQueue } from '@batchyard/shared/contract/model';

import type { QueueLoads } from '../admission/queue-loads.ts';
import { crowdedHosts } from '../balancer/crowding.ts';
import { mountBalancer, type BalancerDesk } from './balancer-routes.ts';
import { mountBatching, type BatchingDesk } from './batching-routes.ts';
import { mountCache, type CacheDesk } from './cache-routes.ts';
import { mountEvents, type EventDesk } from './event-stream.ts';
import { mountMonitor, type MonitorDesk } from './monitor-routes.ts';
import { mountScale, type ScaleDesk } from './scale-routes.ts';
import { sendJson, sendProblem } from './respond.ts';

export type ReadyReport = { readonly ready: boolean; readonly detail: Readonly<Record<string, unknown>> };

type Parts = {
  readonly metrics: () => Promise<{ body: string; type: string }>;
  readonly ready: () => ReadyReport;
  readonly workers: () => readonly { readonly heartbeat: Heartbeat; readonly silentMs: number }[];
  readonly queues: () => Promise<string[]>;
  readonly counts: (queue: string) => Promise<QueueCounts>;
  readonly forecast: QueueLoads['forecast'];
  readonly memory: () => unknown;
  readonly balancer: BalancerDesk;
  readonly batching: BatchingDesk;
  readonly cache: CacheDesk;
  readonly events: EventDesk;
  readonly monitor: MonitorDesk;
  readonly scaling: ScaleDesk;
};

/** A worker not heard of for three beats. */
const LOST_MS = 3_500;

function workerLine({ heartbeat, silentMs }: { heartbeat: Heartbeat; silentMs: number }): Record<string, unknown> {
  const {
    id,
    pid,
    host,
    cores = null,
    state,
    models,
    in_flight,
    load,
    response_ms,
    rss_bytes,
    ops_port,
    started_at,
  } = heartbeat;
  const names = models.map((model) => model.queue);
  const rests = models.filter(({ rest_ms = 0 }) => rest_ms > 0).map(({ queue, rest_ms }) => [queue, rest_ms]);
  const seen = silentMs < LOST_MS ? state : 'lost';
  return {
    id,
    pid,
    host,
    cores,
    state: seen,
    models: names,
    rests: Object.fromEntries(rests),
    reason: heartbeat.reason ?? null,
    in_flight,
    load,
    response_ms,
    rss_bytes,
    ops_port,
    started_at,
    last_seen_ms: Math.round(silentMs),
  };
}

function queueLine(
  queue: string,
  counts: QueueCounts,
  forecast: ReturnType<QueueLoads['forecast']>,
): Record<string, unknown> {
  const { model, version } = modelOfQueue(queue);
  const { depth, byClass, active, delayed, completed, failed, paused, oldestMs, sla } = counts;
  return {
    queue,
    model,
    version,
    depth,
    by_class: byClass,
    active,
    delayed,
    completed,
    failed,
    paused,
    oldest_age_ms: Math.round(Math.max(...Object.values(oldestMs))),
    oldest_age_ms_by_class: oldestMs,
    sla,
    predicted_wait_ms: forecast.waitMs,
    arrival_rows_per_s: forecast.arrivalsPerS,
    service_rows_per_s: forecast.rowsPerS,
  };
}

/** Bull Board; `show` names the queues it has from now on. */
function mountBoard(app: Express): (queues: readonly BaseAdapter[]) => void {
  const adapter = new ExpressAdapter();
  adapter.setBasePath('/board');
  const board = createBullBoard({ queues: [], serverAdapter: adapter });
  app.use('/board', adapter.getRouter() as express.Router);
  return (queues) => board.replaceQueues([...queues]);
}

export function createOpsApp(parts: Parts): {
  app: Express;
  /** Ends what would go on for ever. */
  endStreams: () => void;
  show: (queues: readonly BaseAdapter[]) => void;
} {
  const { metrics, ready, workers, queues, counts, forecast, balancer, batching, memory, cache } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.get('/livez', (_request, response) => sendJson(response, 200, { live: true }));
  app.get('/readyz', (request, response) => {
    const report = ready();
    const body = 'verbose' in request.query ? { ready: report.ready, ...report.detail } : { ready: report.ready };
    sendJson(response, report.ready ? 200 : 503, body);
  });
  app.get('/metrics', async (_request, response) => {
    const { body, type } = await metrics();
    response.type(type).send(body);
  });
  app.get('/v1/workers', (_request, response) => {
    const all = workers();
    const serving = all.filter(({ heartbeat, silentMs }) => silentMs < LOST_MS && heartbeat.state === 'serving');
    const crowded = crowdedHosts(serving.map(({ heartbeat }) => heartbeat));
    sendJson(response, 200, { workers: all.map(workerLine), crowded_hosts: crowded });
  });
  app.get('/v1/memory', (_request, response) => sendJson(response, 200, memory()));
  app.get('/v1/queues', async (_request, response) => {
    const names = await queues();
    sendJson(response, 200, {
      queues: await Promise.all(names.map(async (name) => queueLine(name, await counts(name), forecast(name)))),
    });
  });
  app.get('/v1/queues/:queue', async (request, response) => {
    const asked = request.params.queue;
    const found = (await queues()).find((name) => name === asked || modelOfQueue(name).model === asked);
    if (found) sendJson(response, 200, queueLine(found, await counts(found), forecast(found)));
    else sendJson(response, 404, { error: 'Not Found' });
  });
  mountBalancer(app, balancer);
  mountScale(app, parts.scaling);
  mountBatching(app, batching);
  mountCache(app, cache);
  mountMonitor(app, parts.monitor);
  const endStreams = mountEvents(app, parts.events);
  const show = mountBoard(app);
  app.use((_request, response) => sendJson(response, 404, { error: 'Not Found' }));
  app.use((error: unknown, request: express.Request, response: express.Response, _next: express.NextFunction) => {
    sendProblem(response, error, request.path);
  });
  return { app, show, endStreams };
}
