/**
 * Rows through the model: stacked, run, split. A batch that throws is halved and run again until only the rows that throw
 * have failed. What is to be written to Redis is handed out as it comes, not written, so that the session is free meanwhile.
 */
import type { BatchStatistics, FailedJob, Finished, FinishOutcome, TakenJob } from '@batchyard/queue/operations';
import { Failure } from '@batchyard/shared/contract/failure';
import { shortSignature, type Receipt } from '@batchyard/shared/contract/job';
import type { Model } from '@batchyard/shared/contract/model';
import { ownLengths } from '@batchyard/shared/contract/run-shapes';
import type { Datatype } from '@batchyard/shared/contract/tensor';
import { encodeTensorBlob, type TensorBlob } from '@batchyard/shared/contract/tensor-blob';

import type { BatchReason } from '@batchyard/shared/batching/decide-batch';
import type { LatencyBook } from '@batchyard/shared/batching/latency-model';
import { split, stack } from './batching/stack.ts';

export type NamedTensor = {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
};

export type ServedModel = {
  readonly model: Model;
  readonly queue: string;
  readonly latency: LatencyBook;
  /** `p99Ms`: what such a run takes at most, as far as is known. */
  run(inputs: readonly NamedTensor[], p99Ms: number): Promise<{ outputs: readonly NamedTensor[]; runMs: number }>;
  /** What runs a job that was validated against this signature; by itself a model runs its own. */
  runsOn?(signature: string): ServedModel | undefined;
  /** Such a job is another worker's to run. */
  leaves?(signature: string): boolean;
  /** Nothing more is taken for it. */
  closed?(): boolean;
};

/** What belongs to the life of the worker that took the batch. */
export type BatchTicket = {
  readonly worker: string;
  readonly token: string;
  readonly batch: number;
  readonly takenAt: number;
  /** When it was taken, by Redis' clock. */
  readonly takenMs: number;
  /** When its locks were last set, as far as is known. */
  readonly lockedAt: () => number;
};

export type RunParts = {
  finish(
    queue: string,
    token: string,
    jobs: readonly Finished[],
    statistics?: BatchStatistics,
  ): Promise<FinishOutcome[]>;
  fail(queue: string, token: string, jobs: readonly FailedJob[]): Promise<unknown>;
  readonly acquire: (bytes: number) => Uint8Array;
  readonly now: () => number;
  /** Told of each run. */
  readonly observe: (run: {
    queue: string;
    rows: number;
    reason: string;
    runMs: number;
    /** What the latency model expected, ms. */
    predictedMs: number;
    assembleMs: number;
    queueMs: number;
    /** Splitting and encoding what came out. */
    outputMs: number;
    readonly jobs: readonly Ready[];
    /** How long each of its jobs waited for the run. */
    waitsMs: readonly number[];
  }) => void;
  /** Told of each run that threw and was not halved: its jobs fail. */
  readonly gaveUp: (run: {
    queue: string;
    reason: string;
    readonly jobs: readonly Ready[];
    code: string;
    /** Until it threw. */
    runMs: number;
    waitsMs: readonly number[];
  }) => void;
  /** Told how many jobs were computed for nobody: cancelled meanwhile, or by then another worker's. */
  readonly unwanted: (queue: string, jobs: number) => void;
  readonly report: (error: unknown, sentence: string) => void;
};

export type Ready = { readonly job: TakenJob; readonly blob: TensorBlob; readonly rows: number };
export type Assembled = {
  readonly ready: readonly Ready[];
  readonly inputs: readonly NamedTensor[];
  readonly assembleMs: number;
};
export type Write = () => Promise<unknown>;

const COULD_NOT = { code: 'model_error', message: 'the model could not compute this input' } as const;
const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/** How long each job waited for a run that begins `sinceTakeMs` after the take. */
const waitsOf = (ready: readonly Ready[], { takenMs }: BatchTicket, sinceTakeMs: number): number[] =>
  ready.map(({ job }) => Math.max(0, takenMs - job.queuedMs) + sinceTakeMs);

const ns = (ms: number): number => Math.max(0, Math.round(ms * 1e6));
type Times = Pick<Parameters<RunParts['observe']>[0], 'runMs' | 'assembleMs' | 'outputMs' | 'waitsMs'>;
const statisticsOf = (rows: number, { runMs, assembleMs, outputMs, waitsMs }: Times): BatchStatistics => ({
  rows,
  queueNs: ns(waitsMs.reduce((sum, ms) => sum + ms, 0)),
  inputNs: ns(assembleMs),
  inferNs: ns(runMs),
  outputNs: ns(outputMs),
});

export function createRunRows(parts: RunParts) {
  const { acquire, now, observe, gaveUp, unwanted, report } = parts;

  function assemble(served: ServedModel, ready: readonly Ready[]): Assembled {
    const started = now();
    const stacked = stack(
      ready.map((one) => one.blob),
      served.model,
      acquire,
    );
    const inputs = stacked.map(({ position, ...tensor }) => ({
      name: served.model.inputs[position]?.name ?? '',
      ...tensor,
    }));
    return { ready, inputs, assembleMs: now() - started };
  }

  /** One run and what to write for it. */
  async function runOnce(
    served: ServedModel,
    { ready, inputs, assembleMs }: Assembled,
    ticket: BatchTicket,
    reason: BatchReason,
  ): Promise<Write> {
    const { model, queue } = served;
    const latency = served.latency.of(ready[0]?.job.group ?? '-');
    const rows = ready.reduce((sum, one) => sum + one.rows, 0);
    const predicted = latency.p50(rows);
    const queueMs = now() - ticket.takenAt;
    const { outputs, runMs } = await served.run(inputs, latency.p99(rows));
    latency.observe(rows, runMs);
    const started = now();
    const placed = outputs.map(({ name, ...output }) => ({
      position: model.outputs.findIndex((spec) => spec.name === name),
      ...output,
    }));
    const shares = ready.map(({ rows: count, blob }) => ({
      rows: count,
      requested: blob.requested,
      lengths: ownLengths(model, blob.tensors),
    }));
    const blobs = split(placed, shares, model);
    const shared = { batch_rows: rows, batch: `${ticket.token}/${ticket.batch}`, worker: ticket.worker, reason };
    const signature = shortSignature(model.signature);
    const told = { run_ms: round(runMs), predicted_ms: round(predicted), signature };
    const waitsMs = waitsOf(ready, ticket, queueMs);
    const finished = ready.map(({ job, rows: own }, i): Finished => {
      const receipt: Receipt = { rows: own, ...shared, ...told, queue_ms: round(waitsMs[i] ?? 0) };
      return {
        id: job.id,
        output: encodeTensorBlob(blobs[i] ?? { tensors: [], requested: [] }),
        receipt: JSON.stringify(receipt),
      };
    });
    const outputMs = now() - started;
    const times = { runMs, predictedMs: predicted, assembleMs, queueMs, outputMs, waitsMs };
    observe({ queue, rows, reason, jobs: ready, ...times });
    const statistics = statisticsOf(rows, times);
    return async () => {
      const outcomes = await parts.finish(queue, ticket.token, finished, statistics);
      unwanted(queue, outcomes.filter((outcome) => outcome !== 'finished').length);
    };
  }

  /** What to write for each run as soon as it has ended: should a later one not begin, the earlier ones count. */
  async function* runAll(
    served: ServedModel,
    assembled: Assembled,
    ticket: BatchTicket,
    reason: BatchReason,
  ): AsyncGenerator<Write, void> {
    const { ready } = assembled;
    const startedAt = now();
    let thrown: unknown;
    const write = await runOnce(served, assembled, ticket, reason).catch((error: unknown) => {
      thrown = error;
      return undefined;
    });
    if (write) return yield write;
    // Otherwise it was not the model, and no smaller batch will do better.
    const failure = thrown instanceof Failure ? thrown : undefined;
    if (ready.length <= 1 || failure) {
      if (!failure) report(thrown, 'the model could not compute a job');
      const { code, message } = failure ?? COULD_NOT;
      const waitsMs = waitsOf(ready, ticket, startedAt - ticket.takenAt);
      gaveUp({ queue: served.queue, reason, jobs: ready, code, runMs: now() - startedAt, waitsMs });
      const failed = ready.map(({ job }) => ({ id: job.id, code, message }));
      return yield () => parts.fail(served.queue, ticket.token, failed);
    }
    const middle = Math.ceil(ready.length / 2);
    for (const half of [ready.slice(0, middle), ready.slice(middle)]) {
      yield* runAll(served, assemble(served, half), ticket, 'bisect');
    }
  }

  return { assemble, runAll };
}
