/** The latency table that the workers of a model have measured, as their heartbeats tell it. */
import { batchingSchema, type Batching } from '@batchyard/shared/contract/batching';
import { latencyPointSchema, type LatencyPoint } from '@batchyard/shared/contract/heartbeat';
import { z } from 'zod';

import type { System } from './ask-system.ts';

export type Measured = {
  readonly workers: number;
  readonly sessions: number;
  readonly batching: Batching;
  readonly table: readonly LatencyPoint[];
};

const listSchema = z.object({ workers: z.array(z.object({ id: z.string(), state: z.string() })) });
const detailSchema = z.object({
  detail: z.array(
    z.object({
      queue: z.string(),
      sessions: z.int(),
      latency: z.array(latencyPointSchema),
      batching: batchingSchema.optional(),
    }),
  ),
});

/** Mean of what the workers tell of each size. */
function merged(tables: readonly (readonly LatencyPoint[])[]): LatencyPoint[] {
  const sizes = [...new Set(tables.flatMap((table) => table.map(({ rows }) => rows)))].toSorted((a, b) => a - b);
  return sizes.map((rows) => {
    const own = tables.flatMap((table) => table.filter((point) => point.rows === rows));
    const mean = (of: 'p50_ms' | 'p99_ms'): number => own.reduce((sum, point) => sum + point[of], 0) / own.length;
    return { rows, p50_ms: mean('p50_ms'), p99_ms: mean('p99_ms') };
  });
}

/** @throws Error when no worker that serves the model tells a table */
export async function measuredTable(system: System, model: string, version: string | undefined): Promise<Measured> {
  const { workers } = listSchema.parse(await (await system.askOps('/v1/workers')).json());
  const serving = workers.filter(({ state }) => state === 'serving');
  const found = await Promise.all(
    serving.map(async ({ id }) => {
      const answer = await system.askOps(`/v1/workers/${encodeURIComponent(id)}`);
      const { detail } = detailSchema.parse(await answer.json());
      return detail.find(({ queue }) => queue === `${model}@${version ?? queue.replace(/^.*@/, '')}`);
    }),
  );
  const known = found.filter((one) => one !== undefined);
  const [first] = known;
  if (!first?.batching || first.latency.length === 0)
    throw new Error(`no worker tells how long ${model} runs: is it loaded?`);
  return {
    workers: known.length,
    sessions: Math.max(1, first.sessions),
    batching: first.batching,
    table: merged(known.map(({ latency }) => latency)),
  };
}
