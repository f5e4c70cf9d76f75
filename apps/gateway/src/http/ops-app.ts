/** The operations listener, put together: a file for each family of routes. Never on the public port. */
import express, { type Express } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

import { createApiDocs } from './api-docs.ts';
import { mountBalancer, type BalancerDesk } from './balancer-routes.ts';
import { mountBatching, type BatchingDesk } from './batching-routes.ts';
import { mountBoard, type BoardQueuesNow } from './board.ts';
import { mountCache, type CacheDesk } from './cache-routes.ts';
import { mountDashboard } from './dashboard-files.ts';
import { mountEvents, type EventDesk } from './event-stream.ts';
import { mountExplorer, type ExplorerDesk } from './explorer-routes.ts';
import { createEntrance, type Entry } from './guard.ts';
import { mountKeys, type KeyDesk } from './key-routes.ts';
import { mountLogin } from './login.ts';
import { mountHealth, type HealthDesk } from './health-routes.ts';
import { mountLoadTests, type LoadDesk } from './load-routes.ts';
import { mountModels, type ModelDesk } from './model-routes.ts';
import { mountMonitor, type MonitorDesk } from './monitor-routes.ts';
import { mountQueues, type QueueDesk } from './queue-routes.ts';
import { mountRedis, type RedisDesk } from './redis-routes.ts';
import { mountTuning, type TuningDesk } from './tuning-routes.ts';
import { mountScale, type ScaleDesk } from './scale-routes.ts';
import { sendJson, sendProblem } from './respond.ts';
import { mountWorkers, type WorkerDesk } from './worker-routes.ts';

export type OpsParts = {
  readonly version: string;
  readonly entry: Entry;
  readonly keys: KeyDesk;
  /** Undefined: without one. */
  readonly board: BoardQueuesNow | undefined;
  readonly health: HealthDesk;
  readonly workers: WorkerDesk;
  readonly queues: QueueDesk;
  readonly explorer: ExplorerDesk;
  readonly models: ModelDesk;
  readonly redis: RedisDesk;
  readonly memory: () => unknown;
  readonly balancer: BalancerDesk;
  readonly scaling: ScaleDesk;
  readonly batching: BatchingDesk;
  readonly cache: CacheDesk;
  readonly events: EventDesk;
  readonly monitor: MonitorDesk;
  readonly tuning: TuningDesk;
  readonly loadTests: LoadDesk;
};

export type OpsApp = {
  readonly app: Express;
  /** Ends what would go on for ever. */
  readonly endStreams: () => void;
};

/** Express decodes the names in a path. */
const notDecodable = (): Failure => new Failure('bad_request', 'the path is not percent-encoded text');

export function createOpsApp(parts: OpsParts): OpsApp {
  const app = express();
  app.disable('x-powered-by');
  const entrance = createEntrance(parts.entry);
  app.use(entrance.guard);
  mountLogin(app, entrance, parts.entry);
  mountKeys(app, parts.keys);
  mountHealth(app, parts.health);
  mountWorkers(app, parts.workers);
  mountQueues(app, parts.queues);
  mountExplorer(app, parts.explorer);
  mountModels(app, parts.models);
  mountRedis(app, parts.redis);
  mountBalancer(app, parts.balancer);
  mountScale(app, parts.scaling);
  mountTuning(app, parts.tuning);
  mountBatching(app, parts.batching);
  mountCache(app, parts.cache);
  mountMonitor(app, parts.monitor);
  app.get('/v1/memory', (_request, response) => sendJson(response, 200, parts.memory()));
  const docs = createApiDocs({
    listener: 'operations',
    version: parts.version,
    tokenVariable: parts.entry.token === undefined ? undefined : 'BATCHYARD_OPS_TOKEN',
  });
  app.get('/openapi.json', docs.document);
  app.get('/docs', docs.page);
  const streams = [mountLoadTests(app, parts.loadTests), mountEvents(app, parts.events)];
  mountDashboard(app);
  mountBoard(app, parts.board);
  app.use((request, response) => sendProblem(response, new Failure('not_found', 'Not Found'), request.path));
  app.use((error: unknown, request: express.Request, response: express.Response, _next: express.NextFunction) => {
    sendProblem(response, error instanceof URIError ? notDecodable() : error, request.path);
  });
  return { app, endStreams: () => streams.forEach((end) => end()) };
}
