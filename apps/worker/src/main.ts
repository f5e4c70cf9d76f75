/** Wires the worker together; everything that happens is in the story and the folders beside this file. */
import { randomBytes } from 'node:crypto';
import { hostname, setPriority, totalmem } from 'node:os';

import { openQueues } from '@batchyard/queue/open-queues';
import type { ChildMessage } from '@batchyard/shared/contract/child-message';
import { createCopyCount } from '@batchyard/shared/contract/memory';
import { connectionName } from '@batchyard/shared/contract/heartbeat';
import { createCollector } from '@batchyard/shared/runtime/collect-garbage';
import { availableCpus } from '@batchyard/shared/runtime/cpu-quota';
import { createLogger } from '@batchyard/shared/runtime/log';
import { createMetrics } from '@batchyard/shared/runtime/metrics';
import { onEndSignals } from '@batchyard/shared/runtime/signals';

import { createRunWatch } from './batching/run-watch.ts';
import { readConfig } from './config.ts';
import { createFollower } from './control/follow.ts';
import { createHeartbeatBook, type ModelLine } from './control/heartbeat.ts';
import { followCleanUps, tellMemory, watchMemory } from './control/memory.ts';
import { startOpsListener } from './control/ops-listener.ts';
import { memoryLimits } from './memory/limits.ts';
import { createSlabPool } from './memory/slab-pool.ts';
import { startWorkBell } from './queue/work-bell.ts';
import { createModelMemory } from './model-memory.ts';
import { createModelReader } from './repository/read-models.ts';
import { openModelControl } from './open-model-control.ts';
import type { Held } from './open-model-leave.ts';
import { openModels } from './open-models.ts';
import { openOccupy } from './open-occupy.ts';
import { openRunBatch } from './open-run-batch.ts';
import { openTracing } from './open-tracing.ts';
import { createServeJobs, type Incarnation } from './serve-jobs.ts';
import { createWorkerMetrics } from './worker-metrics.ts';

const VERSION = '0.1.0';
const LOCK_MS = 30_000;
const DRAIN_LIMIT_MS = 20_000;
const LAST_WORD_MS = 500;
const WATCH_MS = 500;
const ABANDON_LIMIT_MS = 2_000;

const tell = (message: ChildMessage): void => void process.send?.(message);
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Of the container where it has a limit of its own. */
const machineBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Infinity);

function createIncarnation(worker: string): Incarnation {
  let token = '';
  let batch = 0;
  const renew = (): void => {
    token = `${worker}:${randomBytes(5).toString('hex')}`;
    tell({ kind: 'hello', worker, token });
  };
  renew();
  return { worker, token: () => token, renew, nextBatch: () => (batch += 1) };
}

/** Ends this process also while a run is stuck in native code, which `process.exit` would wait for. */
const endNow = (): void => void process.kill(process.pid, 'SIGKILL');

async function start(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('worker', config.LOG_LEVEL);
  // Before any session: its thread begins with the priority of this one.
  if (config.BATCHYARD_WORKER_NICE > 0) setPriority(config.BATCHYARD_WORKER_NICE);
  const incarnation = createIncarnation(
    config.BATCHYARD_WORKER_ID ?? `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`,
  );
  const limits = memoryLimits(
    { slabBytes: config.BATCHYARD_SLAB_BYTES, budgetBytes: config.BATCHYARD_WORKER_MEMORY },
    machineBytes(),
    config.BATCHYARD_WORKERS,
  );
  const slabs = createSlabPool(limits.slabBytes);
  const copies = createCopyCount();
  const cores = await availableCpus();

  const tracing = await openTracing(config, VERSION, incarnation.worker);
  const called = connectionName(incarnation.worker);
  const link = openQueues(
    { url: config.REDIS_URL, cluster: config.BATCHYARD_REDIS_CLUSTER, connectionName: called },
    { resultTtlMs: config.BATCHYARD_RESULT_TTL * 1000, copies, traces: tracing.told !== undefined },
  );
  await link.connect();
  const { queue, commands } = link;
  // A Redis may not let its clients take names: then nobody concludes anything from their absence.
  const named = (await commands.client('GETNAME').catch(() => null)) === called;

  const now = (): number => performance.now();
  const watch = createRunWatch(config.BATCHYARD_RUN_LIMIT_S * 1000);
  const modelMemory = createModelMemory(config.BATCHYARD_MODEL_MEMORY ?? Infinity);
  const models = openModels({
    worker: incarnation.worker,
    queue,
    occupy: openOccupy({
      config,
      cores,
      slabs,
      memory: modelMemory,
      watch,
      stale: () => control.lookSoon(),
      log,
      now,
      pause,
      broken: (name, error) => endBecause(name, `the session thread of ${name} has ended: so does this worker`, error),
    }),
    serve: ({ seat, loaded: { instances } }) =>
      Promise.all(Array.from({ length: instances }, () => jobs.serve(seat.served, seat.batcher))),
    placed({ loaded: { served } }) {
      const maxRows = Math.max(1, served.model.maxBatchSize);
      observed.serve({ queue: served.queue, maxRows, bestRate: served.latency.bestRate });
    },
    closed(name) {
      bell.wake(name);
      observed.end(name);
    },
    tell: () => checkIn(),
    foreign: () => control.lookSoon(),
    log,
    now,
    pause,
  });
  const control = openModelControl({
    worker: incarnation.worker,
    config,
    reader: createModelReader({ root: config.BATCHYARD_MODELS, pause }),
    models,
    queue,
    log,
    now,
  });
  const metrics = createMetrics(VERSION);
  const memory = () => tellMemory(slabs.stats(), copies, limits.budgetBytes);
  const observed = createWorkerMetrics(metrics, memory, modelMemory.figures);
  const follow = createFollower(incarnation.worker);
  const bell = startWorkBell({
    queues: () => models.held().map(({ seat }) => seat.queue),
    rests: (name) => follow.rests(name, now()),
    waitForWork: queue.waitForWork,
    handOn: queue.handOn,
    pause,
  });
  const prepare = openRunBatch({
    queue,
    copies,
    slabs,
    observed,
    ran: (run) => book.ran(run),
    jobFailed: (name, jobs) => book.jobFailed(name, jobs),
    traced: tracing.told,
    report(error, sentence) {
      book.failed();
      log.error({ err: error }, sentence);
    },
    lockMs: LOCK_MS,
    now,
    pause,
  });
  const jobs = createServeJobs({
    ...queue,
    incarnation,
    awaitWork: bell.wait,
    prepare,
    follow,
    lockMs: LOCK_MS,
    now,
    pause,
  });
  const lineOf = ({ seat, loaded, leaving }: Held): ModelLine => ({
    queue: seat.queue,
    signature: loaded.served.model.signature,
    also: seat.also(),
    sessions: loaded.isIn() ? loaded.instances : 0,
    intraOpThreads: loaded.threads,
    latency: loaded.served.latency.points,
    batching: seat.batcher.state,
    use: () => observed.use(seat.queue),
    restMs: () => follow.restMs(seat.queue),
    leaving,
  });
  const book = createHeartbeatBook({
    worker: incarnation.worker,
    token: incarnation.token,
    version: VERSION,
    models: () => models.held().map(lineOf),
    reason: follow.reason,
    inFlight: jobs.inFlight,
    memory,
    capacityRows: () =>
      models.held().reduce((sum, { loaded }) => sum + Math.max(1, loaded.served.model.maxBatchSize), 0),
    cores,
    opsPort: () => ops.port,
    named,
  });
  const ops = await startOpsListener({
    host: config.WORKER_OPS_HOST,
    port: config.WORKER_OPS_PORT,
    ready: () => book.state() === 'serving',
    metrics: metrics.text,
  });

  const watchBudget = watchMemory(slabs, limits.budgetBytes, (detail) =>
    log.warn(detail, 'the worker is past its memory budget: the slab pool let go of what was idle'),
  );
  const obeyCleanUp = followCleanUps(slabs, createCollector());
  let ending = false;
  async function checkIn(): Promise<void> {
    const heartbeat = book.heartbeat(now());
    watchBudget(heartbeat.rss_bytes, now());
    observed.beat(heartbeat);
    const { dead, directive, batching, cleanUp } = await queue.checkIn(
      incarnation.worker,
      incarnation.token(),
      JSON.stringify(heartbeat),
    );
    if (dead) incarnation.renew();
    models.heard(batching);
    void control.report().catch(() => undefined);
    follow.hear(directive);
    obeyCleanUp(cleanUp);
    if (ending) return;
    if (directive?.kind === 'drain' && directive.exit) void drain();
    else book.enter(follow.drains() ? 'draining' : 'serving');
  }
  async function recover(): Promise<void> {
    await Promise.all(models.held().map(({ seat }) => queue.recoverLapsed(seat.queue)));
  }
  const quietly = (work: () => Promise<unknown>) => (): void => void work().catch(() => undefined);

  /** For what only a new process can mend. Whoever watches over this one starts it again and counts the death. */
  function endBecause(name: string, sentence: string, error?: Error): void {
    log.fatal({ queue: name, err: error }, sentence);
    void Promise.race([jobs.abandon(name).catch(() => undefined), pause(ABANDON_LIMIT_MS)]).then(endNow);
  }
  function lookForHung(): void {
    const hung = watch.tick(now());
    if (hung === undefined) return;
    endBecause(
      hung.queue,
      `a run of ${hung.queue} has taken longer than ${Math.round(hung.limitMs)} ms: this worker ends, and what it held runs elsewhere`,
    );
  }
  await control.start();
  const names = models.held().map(({ seat }) => seat.queue);
  if (names.length === 0 && config.BATCHYARD_MODEL_CONTROL !== 'explicit')
    throw new Error(`no model can be served from ${config.BATCHYARD_MODELS}`);
  book.enter('serving');
  await checkIn();
  // Redis was away: the gateways count on nobody of whom they do not hear.
  commands.on('ready', quietly(checkIn));
  const timers = [
    setInterval(quietly(checkIn), 1_000),
    setInterval(quietly(jobs.renewHeld), LOCK_MS / 3),
    setInterval(lookForHung, WATCH_MS),
    setInterval(quietly(recover), 1_900 + Math.random() * 200),
  ];
  await models.begin();
  control.follow();
  tell({ kind: 'ready', port: 0, opsPort: ops.port, models: names });
  log.info({ worker: incarnation.worker, models: names }, 'worker serves');

  /** What did not end in time goes back as it came: that it is slow, or that Redis is away, is no fault of the jobs. */
  async function letGo(): Promise<void> {
    await queue.markStarted(incarnation.token(), []);
    await queue.releaseWorker(incarnation.token());
  }
  async function drain(): Promise<void> {
    if (ending) return;
    ending = true;
    book.enter('draining');
    control.stop();
    jobs.stop();
    bell.stop();
    const ended = await Promise.race([models.ended().then(() => true), pause(DRAIN_LIMIT_MS)]);
    timers.forEach((timer) => clearInterval(timer));
    book.enter('stopped');
    const last = ended === true ? checkIn() : letGo();
    await Promise.race([Promise.all([last.catch(() => undefined), tracing.close()]), pause(LAST_WORD_MS)]);
    if (ended === true) process.exit(0);
    log.error({ jobs: jobs.inFlight() }, 'what runs did not end in time: this worker ends without it');
    endNow();
  }
  onEndSignals(
    () => void drain(),
    () => endNow(),
  );
}

start().catch((error: unknown) => {
  const sentence = error instanceof Error ? error.message : String(error);
  tell({ kind: 'failed', sentence, hint: 'ls the folder in BATCHYARD_MODELS, or npx batchyard doctor' });
  process.stderr.write(`worker: ${sentence}\n`);
  setTimeout(() => process.exit(1), 50);
});
