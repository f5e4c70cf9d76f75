/** `batchyard up`: a Redis, a gateway, workers; watched, started again when they end, drained on SIGTERM. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';

import { openQueues } from '@batchyard/queue/open-queues';
import type { QueueOperations } from '@batchyard/queue/queue';
import { workerEnded } from '@batchyard/shared/contract/event';

import type { Config } from './config.ts';
import { takeDataFolder } from './data-folder.ts';
import { checkModels, checkPort } from './preflight.ts';
import { getRedis } from './redis/get-redis.ts';
import { startTable } from './start-table.ts';
import { StopSentence } from './stop-sentence.ts';
import { superviseChild, type Child } from './supervisor/child.ts';
import { opsPorts, superviseGateways } from './supervisor/gateways.ts';
import { createWorkerPool, type WorkerPool } from './supervisor/worker-pool.ts';
import { watchSignals } from './watch-signals.ts';

/** A gateway drains for 20 seconds at most; then it, and the workers after it, are ended. */
const CHILD_LIMIT_MS = 22_000;
const ALL_LIMIT_MS = 24_000;
const LEAST_MS = 1_000;
const FORGET_LIMIT_MS = 500;
// As small as keeps up: the gateway's young generation otherwise grows with every burst of large bodies.
const MEMORY_FLAGS = ['--max-semi-space-size=16'];
// glibc: from so many bytes on a buffer has pages of its own, which go back when it does. By itself the allocator raises this to
// the largest buffer it has freed, and then keeps what large ones leave behind.
const MEMORY_ENV = { MALLOC_MMAP_THRESHOLD_: '1048576' };
// Gateway and workers share the cores here: a gateway that waits for one lets refusals, and what is urgent, wait with the rest.
const SHARE_ENV = { BATCHYARD_WORKER_NICE: '3' };

const appMain = (name: string): string => fileURLToPath(new URL(`../../${name}/dist/main.js`, import.meta.url));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

type QueueLink = {
  readonly queue: QueueOperations;
  /** Brings back what a worker held that has ended, at once; when Redis is away the others will do it. */
  release(token: string, drained: boolean): Promise<void>;
  close(): void;
};

function openQueue(url: string, cluster: boolean): QueueLink {
  const { queue, connect, disconnect } = openQueues({ url, cluster });
  const connected = connect().catch(() => undefined);
  return {
    queue,
    async release(token, drained) {
      await connected;
      for (let turn = 0; turn < 20; turn += 1) {
        try {
          const jobs = await queue.releaseWorker(token);
          const worker = token.slice(0, token.lastIndexOf(':'));
          const { kind, detail } = workerEnded(worker, jobs, drained);
          say(detail.sentence);
          queue.events.tell(kind, detail);
          return;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    close: disconnect,
  };
}

type Children = { gateways?: readonly Child[]; pool?: WorkerPool };
const childrenOf = ({ gateways, pool }: Children): Child[] => [...(gateways ?? []), ...(pool?.all() ?? [])];

/** Workers last: they compute what the gateways have accepted. */
async function stopChildren({ gateways, pool }: Children): Promise<void> {
  pool?.close();
  const since = Date.now();
  await Promise.all((gateways ?? []).map((gateway) => gateway.stop(CHILD_LIMIT_MS)));
  const leftMs = Math.max(LEAST_MS, ALL_LIMIT_MS - (Date.now() - since));
  await Promise.all((pool?.all() ?? []).map((worker) => worker.stop(leftMs)));
}

function openPool(
  { queue }: QueueLink,
  config: Config,
  startWorker: (lost: () => boolean) => Child,
): WorkerPool & { forget(): Promise<void> } {
  const id = randomBytes(6).toString('hex');
  const { min, max, auto } = config.BATCHYARD_WORKERS;
  const pool = createWorkerPool({
    id,
    host: hostname(),
    range: { min, max, auto },
    startWorker,
    report: queue.reportSupervisor,
    changed(sentence, from, to) {
      say(sentence);
      queue.events.tell('scale', { sentence, supervisor: id, from, to });
    },
  });
  const forget = async (): Promise<void> => {
    const tried = queue.forgetSupervisor(id).catch(() => undefined);
    await Promise.race([tried, new Promise((resolve) => setTimeout(resolve, FORGET_LIMIT_MS).unref())]);
  };
  return { ...pool, forget };
}

/** Runs until a signal comes or something cannot go on; @returns the exit code */
export async function up(config: Config, env: NodeJS.ProcessEnv): Promise<number> {
  await checkModels(config.BATCHYARD_MODELS);
  await checkPort(config.HOST, config.PORT, 'PORT');
  for (const port of opsPorts(config)) await checkPort(config.OPS_HOST, port, 'OPS_PORT');
  if (typeof config.GRPC_PORT === 'number') await checkPort(config.HOST, config.GRPC_PORT, 'GRPC_PORT');
  const giveFolderBack = await takeDataFolder(config.BATCHYARD_DATA);
  const children: Children = {};
  let stopRedis = async (): Promise<void> => undefined;
  let stopTurns = async (): Promise<void> => undefined;
  let end = (_code: number): void => undefined;
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  watchSignals(
    () => {
      say('\ndraining …');
      children.pool?.close();
      for (const child of childrenOf(children)) child.expectEnd();
      end(0);
    },
    // What drains is ended; the Redis of our own is still stopped in good order.
    () => childrenOf(children).forEach((child) => void child.stop(0)),
  );

  async function start(): Promise<void> {
    const redis = await getRedis(config, say);
    stopRedis = redis.stop;
    const link = openQueue(redis.url, config.BATCHYARD_REDIS_CLUSTER);
    stopTurns = async () => link.close();
    const childEnv = {
      ...MEMORY_ENV,
      ...SHARE_ENV,
      ...env,
      REDIS_URL: redis.url,
      BATCHYARD_MODELS: config.BATCHYARD_MODELS,
      BATCHYARD_DATA: config.BATCHYARD_DATA,
    };
    const onGiveUp = (sentence: string): void => {
      say(sentence);
      end(1);
    };
    const pool = openPool(link, config, (lost) =>
      superviseChild({
        name: 'a worker',
        file: appMain('worker'),
        env: childEnv,
        nodeFlags: MEMORY_FLAGS,
        onExit: (token, drained) => void (token === undefined ? undefined : link.release(token, drained)),
        onGiveUp: (sentence) => (lost() ? say(sentence) : onGiveUp(sentence)),
      }),
    );
    children.pool = pool;
    pool.keep(config.BATCHYARD_WORKERS.start);
    const workers = await Promise.all(pool.kept().map((worker) => worker.ready));
    // The gateway finds it when it comes: workers can be scaled from the first request on.
    await pool.turn();
    const turns = setInterval(() => void pool.turn(), 1_000);
    stopTurns = async () => {
      clearInterval(turns);
      await pool.forget();
      link.close();
    };
    const gatewayParts = { file: appMain('gateway'), env: childEnv, nodeFlags: MEMORY_FLAGS, onGiveUp };
    children.gateways = superviseGateways({ config, ...gatewayParts });
    const gateways = await Promise.all(children.gateways.map((one) => one.ready));
    const models = [...new Set(workers.flatMap((worker) => worker.models))];
    const scheme = (certificate: string | undefined): string => (certificate ? 'https' : 'http');
    const url = `${scheme(env['BATCHYARD_TLS_CERT_FILE'])}://${config.HOST}:${gateways[0]?.port}`;
    const opsScheme = scheme(env['BATCHYARD_OPS_TLS_CERT_FILE']);
    const ops = gateways.map(({ opsPort }) => `${opsScheme}://${config.OPS_HOST}:${opsPort}`);
    say(
      startTable({
        url,
        grpc: gateways[0]?.grpcPort === undefined ? undefined : `${config.HOST}:${gateways[0].grpcPort}`,
        ops,
        models,
        redis: redis.described,
        durability: config.BATCHYARD_DURABILITY,
        persistence: redis.facts,
        workers: workers.length,
      }),
    );
  }

  try {
    const started = start();
    started.catch(() => undefined);
    const code = await Promise.race([ended, started.then(() => ended)]);
    return code;
  } catch (error) {
    if (error instanceof StopSentence) throw error;
    throw new StopSentence(error instanceof Error ? error.message : String(error), 'LOG_LEVEL=debug npm start');
  } finally {
    await stopChildren(children);
    await stopTurns();
    await stopRedis();
    await giveFolderBack();
  }
}
