/** The gateway's half of the batch operations: add, cancel, watch. */
import { CLASS_PRIORITY } from '@batchyard/shared/contract/job';
import { hostOf } from '@batchyard/shared/contract/webhook';
import type { QueueLimits } from '@batchyard/shared/contract/queueing';
import { claimKey, extraBase, queueBase } from '@batchyard/shared/contract/redis-keys';

import { createCopyCount } from '@batchyard/shared/contract/memory';
import { copiedByCommand } from '@batchyard/shared/runtime/redis';

import type { ClaimTurn } from './claim-turns.ts';
import { chunkJobs } from './chunk.ts';
import type { AddOutcome, CancelOutcome, JobExtras, NewJob, RetryOutcome } from './operations.ts';
import type { RedisClock } from './redis-clock.ts';
import { hadNoEffect } from './refusals.ts';
import { pack, runScript } from './scripts.ts';
import { BULLMQ_VERSION, eventLevel, MAX_REPLY_BYTES, type QueueSettings } from './settings.ts';

const ADD_OUTCOMES: readonly AddOutcome[] = ['added', 'exists', 'full', 'stale', 'known', 'claims_full'];
export const DEFAULT_MAX_WAITING = 10_000;

export type AddOptions = {
  /** Places in the queue: all of them for critical jobs, 95 % for high, 90 % for normal, 70 % for low ones. */
  readonly maxWaiting?: number;
  /** What the model's configuration bounds besides. */
  readonly limits?: QueueLimits | undefined;
  /** Is told how many jobs of each class, most urgent first, wait after each call. */
  readonly onWaiting?: (byClass: readonly number[]) => void;
};

export type RetryOptions = {
  readonly timeoutMs: number;
  readonly maxWaiting?: number;
  /** Of the model that the input fits now; the job's own stays where it is not given. */
  readonly signature?: string;
};

/** As addMany reads it: a field that is not there is not sent. */
function packedExtras({ claim, tags, webhook }: JobExtras, trace: string | undefined): Record<string, unknown> {
  return {
    ...(trace === undefined ? {} : { trace }),
    ...(webhook === undefined ? {} : { webhook: [JSON.stringify(webhook), hostOf(webhook)] }),
    ...(claim ? { claim: [claim.key, claim.record] } : {}),
    ...(tags === undefined ? {} : { tags }),
  };
}

export type Producer = {
  /**
   * Stores the jobs, in order, and puts each in its class. Groups beyond one call's bounds go out as several calls
   * at once; an outcome per job, also where a call of them failed.
   */
  addMany(queue: string, jobs: readonly NewJob[], options?: AddOptions): Promise<AddOutcome[]>;
  /** The record of the job that was stored for a claim within the last day. */
  claimed(key: string): Promise<string | undefined>;
  /** To be had before a job with a claim is added. */
  claimTurn(key: string): Promise<ClaimTurn>;
  cancel(queue: string, id: string): Promise<CancelOutcome>;
  /** A durable job that failed or expired waits once more, with the input it kept and a new deadline. */
  retry(queue: string, id: string, again: RetryOptions): Promise<RetryOutcome>;
  /** Asks that the job's outcome also goes to this gateway's reply stream; false when it is terminal or gone. */
  watch(queue: string, id: string, gateway: string): Promise<boolean>;
};

export function createProducer(settings: QueueSettings, clock: RedisClock): Producer {
  const { commands, prefix } = settings;
  const shard = `${prefix}:x:`;
  const events = eventLevel(settings.events);
  const { request } = settings.copies ?? createCopyCount();

  async function addChunk(
    queue: string,
    jobs: readonly NewJob[],
    { maxWaiting = DEFAULT_MAX_WAITING, limits, onWaiting }: AddOptions,
  ): Promise<AddOutcome[]> {
    const base = queueBase(prefix, queue);
    const sent = performance.now();
    const sentMs = clock.sentMs();
    const heads = jobs.map((job) => [
      job.id,
      job.kind === 'attached' ? 'a' : 'd',
      String(CLASS_PRIORITY[job.priority]),
      Math.max(0, Math.round(job.remainingMs)),
      String(job.rows),
      job.group,
      job.gateway,
      job.tenant,
      job.signature,
      job.delayMs === undefined ? 0 : Math.max(1, Math.round(job.delayMs)),
      ...(job.extras === undefined && job.trace === undefined ? [] : [packedExtras(job.extras ?? {}, job.trace)]),
    ]);
    const header = pack([
      base,
      extraBase(prefix, queue),
      shard,
      sentMs,
      maxWaiting,
      events,
      MAX_REPLY_BYTES,
      BULLMQ_VERSION,
      heads,
      limits ? [limits.total, ...limits.byClass] : [],
    ]);
    const inputs = jobs.map((job) => job.input);
    for (const { byteLength } of inputs) request.redis += copiedByCommand(byteLength);
    const answer = (await runScript(commands, 'addMany', `${base}meta`, [header, ...inputs])) as number[];
    clock.observe(answer[0] ?? Number.NaN, sent, performance.now());
    if (answer[1] !== -1) onWaiting?.(answer.slice(1, 5));
    return answer.slice(5).map((code) => ADD_OUTCOMES[code] ?? 'stale');
  }

  return {
    async addMany(queue, jobs, options = {}) {
      const chunks = chunkJobs(jobs, (job) => job.input.byteLength);
      const outcomes = await Promise.all(
        chunks.map((chunk) =>
          addChunk(queue, chunk, options).catch((error: unknown) => {
            const outcome: AddOutcome = hadNoEffect(error) ? 'refused' : 'unknown';
            return chunk.map(() => outcome);
          }),
        ),
      );
      return outcomes.flat();
    },
    async claimed(key) {
      return (await commands.get(claimKey(prefix, key))) ?? undefined;
    },
    claimTurn: async () => ({ kind: 'none' }),
    async cancel(queue, id) {
      const base = queueBase(prefix, queue);
      const header = pack([base, extraBase(prefix, queue), shard, id, events, MAX_REPLY_BYTES]);
      return String(await runScript(commands, 'cancel', `${base}meta`, [header])) as CancelOutcome;
    },
    async retry(queue, id, { timeoutMs, maxWaiting = DEFAULT_MAX_WAITING, signature = '' }) {
      const base = queueBase(prefix, queue);
      const again = [Math.round(timeoutMs), maxWaiting, signature, events];
      const header = pack([base, extraBase(prefix, queue), id, ...again]);
      return String(await runScript(commands, 'retry', `${base}meta`, [header])) as RetryOutcome;
    },
    async watch(queue, id, gateway) {
      return (await runScript(commands, 'watch', queueBase(prefix, queue) + id, [gateway])) === 1;
    },
  };
}
