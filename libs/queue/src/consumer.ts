/** The worker's half of the batch operations: take, finish, fail, give back, renew. */
import { classOfPriority, DEFAULT_TIMEOUT_MS } from '@batchyard/shared/contract/job';
import { failedReason } from '@batchyard/shared/contract/failure';
import { extraBase, queueBase, startedKey } from '@batchyard/shared/contract/redis-keys';

import { createCopyCount } from '@batchyard/shared/contract/memory';
import { copiedByCommand } from '@batchyard/shared/runtime/redis';

import { chunkJobs } from './chunk.ts';
import { copiedByReply } from './copied.ts';
import {
  MAX_BYTES_PER_CALL,
  MAX_JOBS_PER_CALL,
  type BatchStatistics,
  type FailedJob,
  type Finished,
  type FinishOutcome,
  type Taken,
  type TakenJob,
  type TakeRequest,
} from './operations.ts';
import type { RedisClock } from './redis-clock.ts';
import { pack, runScript, unpack } from './scripts.ts';
import {
  DEFAULT_MAX_RESULT_BYTES,
  DEFAULT_RESULT_TTL_MS,
  eventLevel,
  INLINE_RESULT_BYTES,
  MAX_REPLY_BYTES,
  type QueueSettings,
} from './settings.ts';

const FINISH_OUTCOMES: readonly FinishOutcome[] = ['finished', 'lost', 'cancelled'];
const STARTED_TTL_MS = 3_600_000;

export type Consumer = {
  take(queue: string, request: TakeRequest): Promise<Taken>;
  /** Statistics, when given, are counted once for the whole call. */
  finish(
    queue: string,
    token: string,
    jobs: readonly Finished[],
    statistics?: BatchStatistics,
  ): Promise<FinishOutcome[]>;
  fail(queue: string, token: string, jobs: readonly FailedJob[]): Promise<('failed' | 'lost' | 'retried')[]>;
  /**
   * Unstarted jobs of a batch return to their places: those named, or all of it when its take was never answered: should
   * that take come to Redis only now, it takes nothing. Safe to repeat. @returns how many.
   */
  giveBack(queue: string, batch: Pick<TakeRequest, 'token' | 'batch'>, ids?: readonly string[]): Promise<number>;
  /** Extends locks; @returns the ids that are no longer ours. */
  renew(queue: string, token: string, ids: readonly string[], lockMs: number): Promise<string[]>;
  /**
   * Names the batches that run now, before the newest of them does, so that a death counts for their jobs and for no
   * others. One that has ended since harms nothing: its jobs are no longer active.
   */
  markStarted(token: string, batches: readonly number[]): Promise<void>;
};

type TakenHead = [string, string, number, number, number, number, string, string, number, string, string?];

function takenJob(head: TakenHead, input: Buffer): TakenJob {
  const [id, kind, priority, deadlineMs, queuedMs, rows, group, signature, deaths, data, trace] = head;
  return {
    id,
    kind: kind === 'a' ? 'attached' : 'durable',
    priority: classOfPriority(priority),
    deadlineMs,
    queuedMs,
    rows,
    group,
    signature,
    deaths,
    input: input.byteLength > 0 ? input : undefined,
    data: input.byteLength > 0 ? undefined : data,
    ...(trace ? { trace } : {}),
  };
}

function parseTaken(reply: unknown): Taken {
  const [kind, nowMs, third, heads, ...inputs] = reply as [Buffer, number, number, Buffer, ...Buffer[]];
  switch (kind.toString()) {
    case 'jobs': {
      const jobs = (unpack(heads) as TakenHead[]).map((head, i) => takenJob(head, inputs[i] ?? Buffer.alloc(0)));
      return { kind: 'jobs', jobs, waiting: third, nowMs };
    }
    case 'later':
      return { kind: 'later', inMs: third, nowMs, filling: Boolean(heads) };
    case 'paused':
      return { kind: 'paused', nowMs };
    case 'dead':
      return { kind: 'dead' };
    default:
      return { kind: 'nothing', nowMs };
  }
}

/**
 * Triton's statistics of one run, as increments of the queue's counters (times in ns): what the run took counts for each of
 * its jobs, and once for its size.
 */
function statisticFields(statistics: BatchStatistics, jobs: number): (string | number)[] {
  const { rows, queueNs, inputNs, inferNs, outputNs } = statistics;
  const per: [string, number][] = [
    ['success', jobs],
    ['rows', rows],
    ['runs', 1],
    ['queue_ns', queueNs],
    ['input_ns', jobs * inputNs],
    ['infer_ns', jobs * inferNs],
    ['output_ns', jobs * outputNs],
    [`b${rows}`, 1],
    [`b${rows}_input_ns`, inputNs],
    [`b${rows}_infer_ns`, inferNs],
    [`b${rows}_output_ns`, outputNs],
  ];
  return per.flatMap(([field, value]) => [field, Math.round(value)]);
}

export function createConsumer(settings: QueueSettings, clock: RedisClock): Consumer {
  const { commands, prefix } = settings;
  const shard = `${prefix}:x:`;
  const events = eventLevel(settings.events);
  const ttlMs = settings.resultTtlMs ?? DEFAULT_RESULT_TTL_MS;
  const maxResultBytes = settings.maxResultBytes ?? DEFAULT_MAX_RESULT_BYTES;
  const { request, result } = settings.copies ?? createCopyCount();
  const traces = settings.traces ? 1 : 0;

  return {
    async take(queue, asked) {
      const { token, batch, maxRows, lockMs, minRows = 0, lingerMs = 0, restMs = 0 } = asked;
      const base = queueBase(prefix, queue);
      const waits = [minRows, lingerMs, restMs, events, MAX_REPLY_BYTES];
      const sizes = [asked.preferredRows ?? [], asked.spareMs ?? 0, asked.fullMs ?? 0];
      const maxJobs = Math.min(MAX_JOBS_PER_CALL, asked.maxJobs ?? MAX_JOBS_PER_CALL);
      const bounds = [maxJobs, MAX_BYTES_PER_CALL, DEFAULT_TIMEOUT_MS, ...sizes];
      const sent = performance.now();
      const names = [base, extraBase(prefix, queue), shard, token];
      const turn = asked.turn ? [asked.turn.worker, asked.turn.weight, asked.turn.waitMs] : [];
      const share = asked.share ? [asked.share.workers, asked.share.held] : [];
      const limits = [
        ...waits,
        ...bounds,
        clock.sentMs(),
        turn,
        share,
        asked.restWhileTakenMs ?? 0,
        traces,
        asked.restRows ?? 0,
      ];
      const header = pack([...names, batch, maxRows, lockMs, ...limits]);
      const reply = await runScript(commands, 'takeMany', `${base}meta`, [header]);
      clock.observe((reply as [Buffer, number])[1], sent, performance.now());
      const taken = parseTaken(reply);
      if (taken.kind === 'jobs') {
        for (const { input } of taken.jobs) {
          request.bytes += input?.byteLength ?? 0;
          request.redis += copiedByReply(input);
        }
      }
      return taken;
    },
    async finish(queue, token, jobs, statistics) {
      const base = queueBase(prefix, queue);
      const chunks = chunkJobs(jobs, (job) => job.output.byteLength);
      const outcomes = await Promise.all(
        chunks.map(async (chunk, i) => {
          const stats = i === 0 && statistics ? statisticFields(statistics, jobs.length) : [];
          const bounds = [ttlMs, maxResultBytes, INLINE_RESULT_BYTES, events, MAX_REPLY_BYTES];
          const heads = chunk.map((job) => [job.id, job.receipt]);
          const header = pack([base, extraBase(prefix, queue), shard, token, ...bounds, stats, heads]);
          const outputs = chunk.map((job) => job.output);
          for (const { byteLength } of outputs) {
            result.bytes += byteLength;
            result.redis += copiedByCommand(byteLength);
          }
          return (await runScript(commands, 'finishMany', `${base}meta`, [header, ...outputs])) as number[];
        }),
      );
      return outcomes.flat().map((code) => FINISH_OUTCOMES[code] ?? 'lost');
    },
    async fail(queue, token, jobs) {
      const base = queueBase(prefix, queue);
      const outcomes: ('failed' | 'lost' | 'retried')[] = [];
      for (const chunk of chunkJobs(jobs, () => 0)) {
        const heads = chunk.map((job) => [job.id, failedReason(job.code, job.message), job.retryInMs ?? -1]);
        const header = pack([base, extraBase(prefix, queue), shard, token, events, MAX_REPLY_BYTES, heads]);
        const codes = (await runScript(commands, 'failMany', `${base}meta`, [header])) as number[];
        for (const code of codes) outcomes.push((['failed', 'lost', 'retried'] as const)[code] ?? 'lost');
      }
      return outcomes;
    },
    async giveBack(queue, { token, batch }, ids = []) {
      const base = queueBase(prefix, queue);
      const header = pack([base, extraBase(prefix, queue), shard, token, events, MAX_REPLY_BYTES, batch, ids]);
      return (await runScript(commands, 'giveBack', `${base}meta`, [header])) as number;
    },
    async renew(queue, token, ids, lockMs) {
      const base = queueBase(prefix, queue);
      return (
        (await runScript(commands, 'renewMany', `${base}meta`, [pack([base, token, lockMs, ids])])) as Buffer[]
      ).map(String);
    },
    async markStarted(token, batches) {
      await commands.set(startedKey(prefix, token), `,${batches.join(',')},`, 'PX', STARTED_TTL_MS);
    },
  };
}
