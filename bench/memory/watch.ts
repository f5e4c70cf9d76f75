/** Looks at a system's memory again and again: its processes from outside and from inside, and its Redis' data. */
import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import type { Batchyard } from '../batchyard.ts';
import { metricSum } from '../overload/worker-totals.ts';
import { pssMb, rssMb } from '../processes/tree.ts';
import type { Point } from './series.ts';

const MB = 1e6;
/** What a process tells of itself, as prom-client names it. */
const INSIDE = { heap: 'nodejs_heap_size_used_bytes', external: 'nodejs_external_memory_bytes' } as const;

export type MemoryWatch = {
  /** Begins at 0 s. */
  start(): void;
  stop(): Promise<void>;
  /** In MB, by name: `<process>.pss`, `.rss`, `.heap`, `.external`, and `redis.used`. */
  series(): ReadonlyMap<string, readonly Point[]>;
};

/** Bytes that Redis has allocated, in MB. */
export async function usedMb(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]) / MB;
}

export async function connectTo(url: string): Promise<Redis> {
  const redis = connectRedis(url, 'commands', { commandTimeout: 10_000 });
  await redis.connect();
  return redis;
}

async function insideOf(name: string, url: string): Promise<[string, number][]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Object.entries(INSIDE).map(([what, metric]) => [`${name}.${what}`, metricSum(text, metric) / MB]);
}

/** @param workers where the metrics of each worker are, in order */
async function look(served: Batchyard, redis: Redis, workers: readonly string[]): Promise<[string, number][]> {
  const seen: [string, number][] = [];
  const numbers = new Map<string, number>();
  for (const { pid, role } of served.processes()) {
    const number = (numbers.get(role) ?? 0) + 1;
    numbers.set(role, number);
    const name = role === 'worker' && workers.length > 1 ? `${role}${number}` : role;
    seen.push([`${name}.pss`, pssMb(pid)], [`${name}.rss`, rssMb(pid)]);
  }
  const inside = [
    insideOf('gateway', served.ops),
    ...workers.map((url, i) => insideOf(workers.length > 1 ? `worker${i + 1}` : 'worker', url)),
  ];
  return [...seen, ...(await Promise.all(inside)).flat(), ['redis.used', await usedMb(redis)]];
}

async function workerUrls(served: Batchyard): Promise<string[]> {
  const { workers } = (await (await fetch(`${served.ops}/v1/workers`)).json()) as { workers: { ops_port: number }[] };
  return workers.map((worker) => `http://127.0.0.1:${worker.ops_port}`);
}

export async function watchMemory(served: Batchyard, redis: Redis, sampleMs: number): Promise<MemoryWatch> {
  const all = new Map<string, Point[]>();
  const workers = await workerUrls(served);
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  async function sample(startAt: number): Promise<void> {
    const atS = (performance.now() - startAt) / 1000;
    for (const [name, value] of await look(served, redis, workers)) {
      if (!Number.isFinite(value)) continue;
      const points = all.get(name) ?? [];
      points.push([atS, value]);
      all.set(name, points);
    }
  }
  return {
    start() {
      const startAt = performance.now();
      timer = setInterval(() => {
        // One that was late is not followed by another at once, and one that fails is a gap.
        looking = looking.then(() => sample(startAt)).catch(() => undefined);
      }, sampleMs);
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
    series: () => all,
  };
}
