/** `batchyard doctor`: what this machine and its Redis are like, in lines of a person's length. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { shownUrl } from '@batchyard/shared/contract/durability';
import { availableCpus } from '@batchyard/shared/runtime/cpu-quota';

import type { Config } from './config.ts';
import { checkModels, checkPort } from './preflight.ts';
import { keptRedis } from './redis/debian-package.ts';
import { findBinary } from './redis/find-binary.ts';
import { askRedis, judge, timeRedis } from './redis/redis-facts.ts';
import { waitingKeys } from './redis/waiting-keys.ts';
import { StopSentence } from './stop-sentence.ts';

export type Finding = {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to type when it is not. */
  readonly next?: string | undefined;
};

const run = promisify(execFile);
/** Each batch is a few round trips; from here on they cost more than most runs. */
const SLOW_REDIS_MS = 5;
const LOOK_MS = 3_000;
const MOST_KEYS = 8;

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const hint = (error: unknown): string | undefined => (error instanceof StopSentence ? error.hint : undefined);

/** For who scales workers by KEDA's Redis trigger; nothing where no model was ever served. */
async function examineKeda(config: Config, url: string): Promise<Finding[]> {
  const keys = await waitingKeys(url, config.BATCHYARD_REDIS_CLUSTER);
  if (keys.length === 0) return [];
  const lines = keys.slice(0, MOST_KEYS).map(({ key, jobs }) => `${key} (${jobs} wait)`);
  const more = keys.length > MOST_KEYS ? ` and ${keys.length - MOST_KEYS} more` : '';
  return [{ what: 'keda', ok: true, detail: `listName of a redis trigger: ${lines.join(', ')}${more}` }];
}

async function examineRedis(config: Config, url: string): Promise<Finding[]> {
  try {
    const facts = await askRedis(url);
    const file = `append-only file ${facts.appendOnly ? 'on' : 'off'}`;
    const found = { what: 'redis', detail: `${facts.version}, policy ${facts.policy}, ${file}` };
    const ms = await timeRedis(url);
    const time: Finding = {
      what: 'redis latency',
      ok: ms < SLOW_REDIS_MS,
      detail: `${ms.toFixed(2)} ms for a round trip, the median of 50`,
      next: `redis-cli -u ${shownUrl(url)} --latency   (a Redis nearer to this machine is faster)`,
    };
    try {
      judge(facts, config.BATCHYARD_DURABILITY, shownUrl(url));
    } catch (error) {
      return [{ ...found, ok: false, detail: `${found.detail}: ${sentence(error)}`, next: hint(error) }, time];
    }
    return [{ ...found, ok: true }, time, ...(await examineKeda(config, url))];
  } catch (error) {
    return [{ what: 'redis', ok: false, detail: sentence(error), next: hint(error) }];
  }
}

async function examineServer(config: Config): Promise<Finding> {
  const folder = join(config.BATCHYARD_DATA, 'redis-package');
  const found = await findBinary(config.PATH, config.REDIS_BIN);
  const binary = found ?? (config.REDIS_BIN === undefined ? await keptRedis(folder) : undefined);
  const detail = binary
    ? `${binary.file} ${binary.version}`
    : config.REDIS_BIN === undefined
      ? `none here, and none kept in ${folder}`
      : `REDIS_BIN is ${config.REDIS_BIN}, which is no Redis 6.2 or later`;
  return {
    what: 'redis server',
    ok: binary !== undefined,
    detail,
    next: 'sudo apt-get install redis-server   (or: npm start, which gets one)',
  };
}

/** In a process of its own: loading it is what is tried, and a broken library may end more than an import. */
async function examineRuntime(env: NodeJS.ProcessEnv): Promise<Finding> {
  const what = 'onnxruntime';
  const script =
    "import('onnxruntime-node').then(({ env }) => process.stdout.write(env.versions.node ?? env.versions.common))";
  const cwd = fileURLToPath(new URL('../../worker', import.meta.url));
  try {
    // Or it would report to its makers: see openSession.
    const quiet = { ORT_DISABLE_TELEMETRY: '1', ...env };
    const { stdout } = await run(process.execPath, ['-e', script], { cwd, env: quiet, timeout: 30_000 });
    return { what, ok: true, detail: stdout };
  } catch (error) {
    const reason = /Error: (.*)/.exec(sentence(error))?.[1] ?? 'it does not load';
    return { what, ok: false, detail: reason, next: 'npm ci' };
  }
}

/** A port that Batchyard itself answers on is as good as a free one. */
async function examinePort(config: Config, setting: 'PORT' | 'OPS_PORT'): Promise<Finding> {
  const host = setting === 'PORT' ? config.HOST : config.OPS_HOST;
  const port = config[setting];
  const what = setting === 'PORT' ? 'public port' : 'operations port';
  try {
    await checkPort(host, port, setting);
    return { what, ok: true, detail: `${host}:${port} is free` };
  } catch (error) {
    const signal = AbortSignal.timeout(LOOK_MS);
    const ours = await fetch(`http://${host}:${port}/livez`, { signal }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ours) return { what, ok: true, detail: `${host}:${port}: a Batchyard answers` };
    return { what, ok: false, detail: sentence(error), next: hint(error) };
  }
}

async function examineCpus(config: Config, env: NodeJS.ProcessEnv): Promise<Finding> {
  const cores = await availableCpus();
  // As a worker reckons: a quarter of the cores for a run, unless it is told.
  const threads = Number(env['BATCHYARD_THREADS'] ?? 0) || Math.max(1, Math.floor(cores / 4));
  const workers = config.BATCHYARD_WORKERS.auto ? config.BATCHYARD_WORKERS.max : config.BATCHYARD_WORKERS.start;
  const wanted = workers * threads;
  return {
    what: 'cpus',
    ok: wanted <= cores,
    detail: `${cores} usable, ${workers} workers with ${threads} threads a run`,
    next: `BATCHYARD_WORKERS=${Math.max(1, Math.floor(cores / threads))} npm start   (or a smaller BATCHYARD_THREADS)`,
  };
}

async function examineModels(config: Config): Promise<Finding> {
  const what = 'models';
  try {
    await checkModels(config.BATCHYARD_MODELS);
    return { what, ok: true, detail: `in ${config.BATCHYARD_MODELS}` };
  } catch (error) {
    return { what, ok: false, detail: sentence(error), next: hint(error) };
  }
}

export async function examine(config: Config, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const node: Finding = { what: 'node', ok: true, detail: process.version };
  const redis =
    config.REDIS_URL === undefined ? [await examineServer(config)] : await examineRedis(config, config.REDIS_URL);
  const others = await Promise.all([
    examineRuntime(env),
    examinePort(config, 'PORT'),
    examinePort(config, 'OPS_PORT'),
    examineCpus(config, env),
    examineModels(config),
  ]);
  return [node, ...redis, ...others];
}
