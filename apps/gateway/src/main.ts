/** Wires the gateway together; everything that happens is in the stories and the folders beside this file. */
import { createHash, randomBytes } from 'node:crypto';

import { openQueues } from '@batchyard/queue/open-queues';
import type { ChildMessage } from '@batchyard/shared/contract/child-message';
import { shownUrl } from '@batchyard/shared/contract/durability';
import { createCopyCount } from '@batchyard/shared/contract/memory';
import { shardPrefix } from '@batchyard/shared/contract/redis-keys';
import { createLogger, following } from '@batchyard/shared/runtime/log';
import { createMetrics } from '@batchyard/shared/runtime/metrics';
import { onEndSignals } from '@batchyard/shared/runtime/signals';

import { createLoopLag } from './admission/loop-lag.ts';
import { createQueueLoads } from './admission/queue-loads.ts';
import { openCache } from './cache/open-cache.ts';
import { readConfig, timeoutsOf, unknownSettings } from './config.ts';
import { createFleetView } from './fleet/fleet-view.ts';
import { createModelBreaker } from './fleet/model-breaker.ts';
import { createRedisWatch } from './fleet/redis-watch.ts';
import { createHostWatch } from './fleet/watch-hosts.ts';
import { createBytesInFlight } from './http/bytes-in-flight.ts';
import { createFastLane, type Observe } from './http/fast-lane.ts';
import { listen } from './http/listen.ts';
import { createMemoryReport } from './http/memory-report.ts';
import { reportTo } from './http/report-trouble.ts';
import { openClockwork, TICK_MS } from './open-clockwork.ts';
import { openCounts } from './open-counts.ts';
import { openAccess } from './open-access.ts';
import { openDesk } from './open-desk.ts';
import { openDrain } from './open-drain.ts';
import { openGrpc } from './open-grpc.ts';
import { openHealth } from './open-health.ts';
import { openHousekeeping } from './open-housekeeping.ts';
import { openLimits } from './open-limits.ts';
import { openOps } from './open-ops.ts';
import { openInquiries, openPublic, openRepository } from './open-public.ts';
import { openReplies } from './open-replies.ts';
import { openRequests } from './open-requests.ts';
import { openSteering } from './open-steering.ts';
import { openScaling } from './open-scaling.ts';
import { openTracing } from './open-tracing.ts';
import { openTuning } from './open-tuning.ts';
import { openWatching } from './open-watching.ts';
import { createGatewayMetrics } from './gateway-metrics.ts';
import { askRedis } from './queue/ask-redis.ts';
import { pollJob } from './queue/poll-job.ts';
import { createWaiters, type AwaitedJob } from './queue/waiters.ts';

const VERSION = '0.1.0';

const tell = (message: ChildMessage): void => void process.send?.(message);
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

async function start(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('gateway', config.LOG_LEVEL);
  const warn = following(log, 'warn');
  for (const sentence of unknownSettings(process.env)) log.warn(sentence);

  const copies = createCopyCount();
  const link = openQueues(
    { url: config.REDIS_URL, cluster: config.BATCHYARD_REDIS_CLUSTER },
    { resultTtlMs: config.BATCHYARD_RESULT_TTL * 1000, copies },
  );
  await link.connect();
  const { queue, commands } = link;
  const gateway = randomBytes(6).toString('hex');

  const metrics = createMetrics(VERSION);
  const observed = createGatewayMetrics(metrics, queue);
  const redis = createRedisWatch({
    redisState: queue.redisState,
    durability: config.BATCHYARD_DURABILITY,
    shown: shownUrl(config.REDIS_URL),
    report: warn,
  });
  const fleet = createFleetView({ models: queue.models, workers: queue.workers, memoryShare: redis.memoryShare });
  const { memoryShare } = fleet;
  const cache = openCache({
    settings: config,
    redis: commands,
    prefix: shardPrefix(0),
    keeping: queue,
    metrics,
    memoryShare,
    pause,
  });
  const access = openAccess({ config, queue, log });
  await Promise.all([fleet.refresh(), cache.refresh(), access.start()]);
  const refused = redis.problem();
  if (refused) throw new Error(refused.sentence, { cause: refused.next });

  const waiters = createWaiters((name, id) => pollJob(queue, name, id), link.shardOf);
  const replies = await openReplies({ gateway, streams: link.replyStreams, waiters, pause });
  const tracing = await openTracing(config, VERSION, gateway);

  let draining = false;
  const wait = (job: AwaitedJob, limitMs: number) => waiters.wait(job, performance.now() + limitMs, performance.now());
  const lag = createLoopLag(TICK_MS);
  const loads = createQueueLoads({
    draining: () => draining,
    memoryShare,
    model: fleet.byQueue,
    maxWaitingBytes: config.BATCHYARD_MAX_WAITING_BYTES,
    behindMs: lag.behindMs,
    now: () => performance.now(),
  });
  const requests = openRequests({
    gateway,
    queue,
    wait,
    loads,
    byQueue: fleet.byQueue,
    maxWaiting: config.BATCHYARD_MAX_WAITING,
    copies: copies.request,
    cache,
    pause,
  });
  const counts = openCounts(queue, cache);
  const breaker = createModelBreaker({ report: warn, now: () => performance.now() });
  const desk = openDesk({
    queue,
    gateway,
    submit: requests.submit,
    models: fleet.models,
    wait,
    durable: redis.durable,
    draining: () => draining,
    config,
    log,
    metrics,
  });

  const ready = (): boolean => !draining && fleet.fresh() && !redis.problem() && fleet.ready();
  const inFlight = createBytesInFlight(config.BATCHYARD_MAX_BYTES_IN_FLIGHT);
  const memory = createMemoryReport({ metrics, inFlight: inFlight.stats, copies, workers: fleet.workers });
  const limits = openLimits({ config, breaker, screen: requests.screen, inFlight, copies });
  const monitor = openWatching({
    config,
    gateway,
    queue,
    fleet,
    redis: () => ({ ...redis.load(), memoryShare: memoryShare() }),
    lookups: cache.lookups,
    holds: () => steering.holds(),
    metrics,
    opsUrl: () => back.url,
    pause,
    log,
  });
  const scaling = openScaling({ queue, fleet, holds: () => steering.holds(), metrics, report: following(log, 'info') });
  const tuning = openTuning({ config, queue, fleet, cache, monitor, holds: () => steering.holds(), log });
  const observe: Observe = {
    began: monitor.began,
    ended(request) {
      observed.request(request);
      monitor.ended(request);
      counts.ended(request);
    },
  };
  const fastLane = createFastLane({
    infer: (asked, gone) => breaker.run(asked.queue, () => requests.infer(asked, gone), gone),
    desk,
    models: fleet,
    limits,
    observe,
    trace: tracing.request,
    report: reportTo(log),
  });
  const steering = openSteering({
    gateway,
    strategy: config.BATCHYARD_STRATEGY,
    queue,
    workers: fleet.workers,
    report(event, detail) {
      log.info(detail, event);
      queue.events.tell('steer', { sentence: event, gateway });
    },
  });
  const ops = openOps({
    version: VERSION,
    config,
    link,
    access,
    fleet,
    desk,
    forecast: loads.forecast,
    publicLane: fastLane,
    publicUrl: () => front.url,
    report: warn,
    events: monitor.events,
    monitor: monitor.desk,
    scaling,
    tuning: tuning.desk,
    health: openHealth({
      collected: { metrics, observed, scaling, own: [memory, cache, monitor] },
      cache,
      config,
      fleet,
      redis,
      breaker,
      ready,
      draining: () => draining,
      steers: steering.holds,
    }),
    memory: memory.report,
    balancer: { ...steering, wishes: askRedis(queue.steeringWishes), changeBalancer: askRedis(queue.changeBalancer) },
    cache: { stats: cache.stats, purge: askRedis(cache.purge), known: fleet.known },
  });

  const grpc = await openGrpc({
    config,
    version: VERSION,
    fleet,
    ready,
    inquiries: openInquiries({ queue, fleet }),
    repository: openRepository({ queue, fleet }),
    access,
    breaker,
    results: requests.results,
    limits: limits.infer,
    observe,
    trace: tracing.request,
    inFlight,
    copies,
    log,
  });
  const front = await listen({
    host: config.HOST,
    port: config.PORT,
    handler: openPublic({ config, version: VERSION, queue, fleet, log, ready, audit: access.audit }),
    fastLane,
    ...access.front,
    timeouts: timeoutsOf(config),
    manyConnections: true,
    onUnread: inFlight.unread,
  });
  const back = await listen({
    host: config.OPS_HOST,
    port: config.OPS_PORT,
    exclusive: true,
    handler: ops.app,
    ...access.back,
  });

  const stopClockwork = openClockwork({
    waiters,
    lag,
    fleet,
    refresh: [cache.refresh, counts.flush],
    hosts: createHostWatch(warn),
    steering,
    scaling,
    tuning,
    housekeeping: openHousekeeping(queue, fleet, log),
    draining: () => draining,
  });

  const drain = openDrain({
    begin() {
      draining = true;
      // Another gateway steers on at once.
      void queue.stopSteering(gateway).catch(() => undefined);
    },
    fronts: [front, grpc],
    giveUp: waiters.giveUp,
    stop() {
      stopClockwork();
      monitor.stop();
      ops.endStreams();
    },
    close: () => Promise.all([back.close(), replies.stop(), ops.closeBoard(), counts.flush(), tracing.close()]),
    disconnect: link.disconnect,
    pause,
  });
  onEndSignals(
    () => void drain(),
    () => process.exit(1),
  );
  tell({
    kind: 'ready',
    port: front.port,
    opsPort: back.port,
    grpcPort: grpc.port,
    models: fleet.models().map((view) => view.queue),
  });
  const id = createHash('sha256').update(gateway).digest('hex').slice(0, 8);
  log.info({ port: front.port, opsPort: back.port, id }, 'gateway listens');
}

start().catch((error: unknown) => {
  const sentence = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && typeof error.cause === 'string' ? error.cause : 'npx batchyard doctor';
  tell({ kind: 'failed', sentence, hint });
  process.stderr.write(`gateway: ${sentence}\n  next: ${hint}\n`);
  process.exitCode = 1;
  setTimeout(() => process.exit(1), 50);
});
