/** What a load test asks the system that it loads: its models, its statistics, its workers. */
import type { Datatype } from '@batchyard/shared/contract/tensor';
import { isDatatype } from '@batchyard/shared/contract/tensor';
import { z } from 'zod';

import type { InputSpec, Target } from '../plan/load-plan.ts';

const LIMIT_MS = 10_000;

export type System = {
  readonly target: Target;
  /** Names of those that are ready; empty where the system does not tell. */
  models(): Promise<string[]>;
  /** @throws Error when it is not there. */
  inputs(model: string, version: string | undefined): Promise<{ inputs: ModelInput[]; outputs: string[] }>;
  /** The counters of all models added up; undefined where the system has none. */
  statistics(models: readonly string[]): Promise<Statistics | undefined>;
  /** Of those that serve. @throws Error without an operations port */
  workers(): Promise<number>;
  scale(count: number): Promise<void>;
  /** Jobs that the queues of a model count as completed; undefined where they cannot be asked. */
  completed(model: string): Promise<number | undefined>;
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The same of the operations port. @throws Error without one, and of what it refuses */
  askOps(path: string): Promise<Response>;
};

export type ModelInput = { readonly name: string; readonly datatype: Datatype; readonly shape: readonly number[] };
export type Statistics = {
  readonly requests: number;
  readonly rows: number;
  readonly runs: number;
  readonly cacheHits: number;
  /** Sums, ns. */
  readonly queue: number;
  readonly computeInput: number;
  readonly computeInfer: number;
  readonly computeOutput: number;
};

const measured = z.object({ count: z.number(), ns: z.number() });
const statisticsSchema = z.object({
  model_stats: z.array(
    z.object({
      name: z.string(),
      inference_count: z.number(),
      execution_count: z.number(),
      inference_stats: z.object({
        success: measured,
        queue: measured,
        compute_input: measured,
        compute_infer: measured,
        compute_output: measured,
        cache_hit: measured,
      }),
    }),
  ),
});
const metadataSchema = z.object({
  inputs: z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) })),
  outputs: z.array(z.object({ name: z.string() })),
});
const indexSchema = z.array(z.object({ name: z.string(), state: z.string().optional() }));
const opsModelsSchema = z.object({ models: z.array(z.object({ name: z.string() })) });
const workersSchema = z.object({ workers: z.array(z.object({ state: z.string() })) });
const queuesSchema = z.object({ queues: z.array(z.object({ model: z.string(), completed: z.number() })) });

/** @param url `http://host:port/base` @throws Error of what is no such address */
export function readTarget(url: string, authorization: string | undefined): Target {
  const found = URL.canParse(url) ? new URL(url) : undefined;
  if (!found || !/^https?:$/.test(found.protocol)) throw new Error(`"${url}" is no address: write http://host:port`);
  const secure = found.protocol === 'https:';
  return {
    // Brackets belong to the address in a URL, not to the address itself.
    host: found.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(found.port) || (secure ? 443 : 80),
    secure,
    basePath: found.pathname.replace(/\/+$/, ''),
    authorization,
  };
}

const urlOf = ({ host, port, secure, basePath }: Target): string =>
  `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${basePath}`;

/** Asks with a limit, and says in a sentence what was not answered. */
function createAsk(base: Target) {
  return async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (base.authorization !== undefined) headers.set('authorization', base.authorization);
    const signal = init.signal ?? AbortSignal.timeout(LIMIT_MS);
    try {
      return await fetch(urlOf(base) + path, { ...init, headers, signal });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new Error(`nothing answers at ${urlOf(base)}${path}: ${cause}`, { cause: error });
    }
  };
}

const addUp = ({ model_stats: all }: z.infer<typeof statisticsSchema>, models: readonly string[]): Statistics => {
  const own = all.filter(({ name }) => models.includes(name));
  const sum = (of: (one: (typeof own)[number]) => number): number => own.reduce((total, one) => total + of(one), 0);
  return {
    requests: sum((one) => one.inference_stats.success.count),
    rows: sum((one) => one.inference_count),
    runs: sum((one) => one.execution_count),
    cacheHits: sum((one) => one.inference_stats.cache_hit.count),
    queue: sum((one) => one.inference_stats.queue.ns),
    computeInput: sum((one) => one.inference_stats.compute_input.ns),
    computeInfer: sum((one) => one.inference_stats.compute_infer.ns),
    computeOutput: sum((one) => one.inference_stats.compute_output.ns),
  };
};

/** @param ops of the operations port; undefined: it is not asked */
export function openSystem(target: Target, ops: Target | undefined): System {
  const ask = createAsk(target);
  const askOps = ops && createAsk(ops);
  async function json<T>(asked: Promise<Response>, schema: z.ZodType<T>): Promise<T | undefined> {
    const answer = await asked;
    if (!answer.ok) {
      await answer.body?.cancel();
      return undefined;
    }
    return schema.safeParse(await answer.json()).data;
  }
  const needOps = () => {
    if (!askOps) throw new Error('this needs the operations port: --ops-url http://host:port');
    return askOps;
  };
  return {
    target,
    ask,
    async askOps(path) {
      const answer = await needOps()(path);
      if (!answer.ok) throw new Error(`the operations port refuses ${path}: ${detailOf(await answer.text())}`);
      return answer;
    },
    async models() {
      const body = JSON.stringify({ ready: true });
      const index = await json(ask('/v2/repository/index', { method: 'POST', body }), indexSchema);
      if (index) return index.map(({ name }) => name);
      const known = askOps && (await json(askOps('/v1/models'), opsModelsSchema).catch(() => undefined));
      return known?.models.map(({ name }) => name) ?? [];
    },
    async inputs(model, version) {
      const path = `/v2/models/${encodeURIComponent(model)}${version === undefined ? '' : `/versions/${encodeURIComponent(version)}`}`;
      const found = await json(ask(path), metadataSchema);
      if (!found) throw new Error(`${urlOf(target)} serves no model ${model}`);
      const inputs = found.inputs.map(({ name, datatype, shape }) => {
        if (!isDatatype(datatype)) throw new Error(`input ${name} of ${model} has the unknown datatype ${datatype}`);
        return { name, datatype, shape };
      });
      return { inputs, outputs: found.outputs.map(({ name }) => name) };
    },
    async statistics(models) {
      const found = await json(ask('/v2/models/stats'), statisticsSchema).catch(() => undefined);
      return found && addUp(found, models);
    },
    async workers() {
      const found = await json(needOps()('/v1/workers'), workersSchema);
      return found?.workers.filter(({ state }) => state === 'serving').length ?? 0;
    },
    async scale(count) {
      const answer = await needOps()('/v1/workers/scale', { method: 'POST', body: JSON.stringify({ count }) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`the workers cannot be scaled to ${count}: ${detailOf(text)}`);
    },
    async completed(model) {
      if (!askOps) return undefined;
      const found = await json(askOps('/v1/queues'), queuesSchema).catch(() => undefined);
      return found?.queues.filter((queue) => queue.model === model).reduce((sum, { completed }) => sum + completed, 0);
    },
  };
}

/** The sentence of an error's body. */
export function detailOf(text: string): string {
  try {
    const { detail, error } = JSON.parse(text) as { detail?: unknown; error?: unknown };
    const told = detail ?? error;
    return typeof told === 'string' ? told : text.slice(0, 200);
  } catch {
    return text.slice(0, 200);
  }
}

/** Free axes filled in: the first with the rows, others with a length; `given` of a name instead of both. */
export function shapeOf(
  { name, datatype, shape }: ModelInput,
  { rows, length, given }: { rows: number; length: number; given: ReadonlyMap<string, readonly number[]> },
): InputSpec {
  const filled = shape.map((dim, axis) => (dim >= 0 ? dim : axis === 0 ? rows : length));
  return { name, datatype, shape: given.get(name) ?? filled };
}
