/** What the operations listener tells of workers, models, memory and Redis. */
import { heartbeatSchema, loadedModelSchema, WORKER_STATES } from '@batchyard/shared/contract/heartbeat';
import { workerMemorySchema } from '@batchyard/shared/contract/memory';
import { DATATYPES } from '@batchyard/shared/contract/tensor';
import { z } from 'zod';

import { amount, count } from './fields.ts';

const fields = {
  id: z.string(),
  pid: count,
  host: z.string(),
  cores: z.number().positive().nullable().describe('That its host, or container, may use.'),
  state: z.enum([...WORKER_STATES, 'lost']).describe('Lost: not heard of for three beats.'),
  models: z.array(z.string()).describe('Queues of the models that it has loaded.'),
  rests: z.record(z.string(), amount).describe('By queue: milliseconds for which it leaves jobs to others.'),
  reason: z.string().nullable().describe('Of the directive that it follows.'),
  in_flight: count.describe('Jobs that it holds.'),
  load: amount.describe('Busy share of its sessions since the last beat.'),
  response_ms: amount.describe('Moving average of the run time of a batch.'),
  rss_bytes: count,
  ops_port: count.describe('Of its own probes and metrics.'),
  started_at: count.describe('Milliseconds since 1970.'),
  last_seen_ms: count.describe('How long ago it was heard of.'),
};
const workerLine = z.object(fields).meta({ description: 'A worker in a list.' });
const loadedModel = loadedModelSchema.meta({ description: 'A model in a worker, as its last heartbeat tells it.' });

export const workerDetail = heartbeatSchema
  .omit({ token: true })
  .extend({ ...fields, detail: z.array(loadedModel).describe('Its models.') })
  .meta({ description: 'All that the last heartbeat of a worker tells.' });

export const workerList = z.object({
  workers: z.array(workerLine),
  crowded_hosts: z
    .array(z.object({ host: z.string(), cores: z.number(), workers: count }))
    .describe('Hosts with more workers than cores.'),
});

export const workersScaled = z
  .object({
    before: count,
    count,
    supervisors: z.array(z.object({ id: z.string(), host: z.string(), from: count, to: count })),
  })
  .meta({ examples: [{ before: 2, count: 4, supervisors: [{ id: 'a1b2', host: 'host', from: 2, to: 4 }] }] });
export const workerDrained = z
  .object({ id: z.string(), draining: z.literal(true), exit: z.boolean() })
  .meta({ examples: [{ id: 'host-1a2b3c', draining: true, exit: false }] });
export const workerUndrained = z
  .object({ id: z.string(), draining: z.literal(false) })
  .meta({ examples: [{ id: 'host-1a2b3c', draining: false }] });

const modelTensor = z.object({
  name: z.string(),
  datatype: z.enum(DATATYPES),
  shape: z.array(z.int().min(-1)),
  optional: z.boolean(),
});
export const modelList = z.object({
  public_url: z.string().describe('Of the public listener.'),
  models: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      queue: z.string(),
      workers: count.describe('That serve it now.'),
      max_batch_size: count.describe('0: it has no batch axis.'),
      inputs: z.array(modelTensor),
      outputs: z.array(modelTensor),
    }),
  ),
});

const { budget_bytes, pool, copies } = workerMemorySchema.shape;
const copied = copies.shape.request
  .extend({ per_byte: amount.describe('Copies of each byte.') })
  .meta({ description: 'Bytes that passed, and those of them that each step copied.' });
const ways = z.object({ request: copied, result: copied });
export const memoryReport = z.object({
  gateway: z.object({
    pid: count,
    rss_bytes: count,
    in_flight: z
      .object({
        limit_bytes: count,
        request_bytes: count,
        unread_answer_bytes: count,
        high_water_bytes: count,
        reading: count,
        paused: count,
        pauses: count,
        refused: count,
      })
      .describe('Bodies of requests and answers that are not read yet.'),
    copies: ways,
  }),
  workers: z.array(
    z.object({
      id: z.string(),
      pid: count,
      rss_bytes: count,
      budget_bytes: budget_bytes.optional(),
      pool: pool.optional(),
      copies: ways.optional(),
    }),
  ),
});

export const redisFacts = z
  .object({
    url: z.string().describe('Without its password.'),
    version: z.string(),
    uptime_s: count,
    used_bytes: count,
    max_bytes: count.describe('0: without a bound.'),
    policy: z.string(),
    append_only: z.boolean(),
    fsync: z.string().nullable(),
    last_save_failed: z.boolean(),
    ops_per_s: count,
    clients: count,
    blocked_clients: count,
    evicted_keys: count,
    fragmentation: amount,
  })
  .meta({ description: 'The Redis behind the cluster.' });

export const workerSchemas = {
  WorkerMemory: workerMemorySchema,
  MemoryPool: pool,
  WorkerLine: workerLine,
  WorkerList: workerList,
  WorkerDetail: workerDetail,
  LoadedModel: loadedModel,
  WorkersScaled: workersScaled,
  WorkerDrained: workerDrained,
  WorkerUndrained: workerUndrained,
  ModelTensor: modelTensor,
  ModelList: modelList,
  Copied: copied,
  MemoryReport: memoryReport,
  RedisFacts: redisFacts,
};
