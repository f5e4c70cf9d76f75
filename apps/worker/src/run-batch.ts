/**
 * One batch: inputs read and stacked, run, split, finished. A batch that throws is halved and run again until only the
 * rows that throw have failed. A result that Redis cannot take now is kept and written again while the lock may live.
 */
import type { BatchStatistics, FailedJob, Finished, FinishOutcome, TakenJob } from '@batchyard/queue/operations';
import type { FailureCode } from '@batchyard/shared/contract/failure';
import type { Receipt } from '@batchyard/shared/contract/job';
import type { Model } from '@batchyard/shared/contract/model';
import { encodeTensorBlob, type TensorBlob } from '@batchyard/shared/contract/tensor-blob';
import type { Datatype } from '@batchyard/shared/contract/tensor';

import type { BatchReason } from './batching/decide-batch.ts';
import { InputError, readJobInput, rowsOf } from './batching/job-input.ts';
import type { LatencyModel } from './batching/latency-model.ts';
import { split, stack } from './batching/stack.ts';

type NamedTensor = { readonly name: string; readonly datatype: Datatype; readonly shape: readonly number[]; readonly data: Uint8Array | readonly string[] };

export type ServedModel = {
  readonly model: Model;
  readonly queue: string;
  readonly latency: LatencyModel;
  run(inputs: readonly NamedTensor[]): Promise<{ outputs: readonly NamedTensor[]; runMs: number }>;
};

/** What belongs to the life of the worker that took the batch. */
export type BatchTicket = { readonly worker: string; readonly token: string; readonly batch: number; readonly takenAt: number };

type Settle = {
  finish(queue: string, token: string, jobs: readonly Finished[], statistics?: BatchStatistics): Promise<FinishOutcome[]>;
  fail(queue: string, token: string, jobs: readonly FailedJob[]): Promise<unknown>;
};

type Parts = Settle & {
  readonly acquire: (bytes: number) => Uint8Array;
  readonly release: (slab: ArrayBuffer) => void;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly lockMs: number;
  /** Told of each run. */
  readonly observe: (run: { queue: string; rows: number; reason: string; runMs: number; assembleMs: number; queueMs: number }) => void;
  readonly report: (error: unknown, sentence: string) => void;
};

type Ready = { readonly job: TakenJob; readonly blob: TensorBlob; readonly rows: number };
type Assembled = { readonly ready: readonly Ready[]; readonly inputs: readonly NamedTensor[]; readonly assembleMs: number };

export type PreparedBatch = {
  /** Runs it; resolves when the session is free again. */
  execute(): Promise<void>;
  /** Resolves when every job of it was told to Redis. */
  readonly settled: Promise<unknown>;
};

export function createRunBatch(parts: Parts) {
  const { acquire, release, now, pause, lockMs, observe, report } = parts;

  /** Redis may be away for a while: a result is worth more tries as long as the job may still be ours. */
  async function surely(takenAt: number, write: () => Promise<unknown>): Promise<void> {
    for (let wait = 20; ; wait = Math.min(1_000, wait * 2)) {
      try {
        await write();
        return;
      } catch (error) {
        if (now() - takenAt > lockMs) {
          report(error, 'a result could not be written while its lock lived');
          return;
        }
        await pause(wait);
      }
    }
  }

  function assemble(served: ServedModel, ready: readonly Ready[]): Assembled {
    const started = now();
    const stacked = stack(ready.map((one) => one.blob), served.model.maxBatchSize > 0, acquire);
    const inputs = stacked.map(({ position, ...tensor }) => ({ name: served.model.inputs[position]?.name ?? '', ...tensor }));
    return { ready, inputs, assembleMs: now() - started };
  }

  function discard(inputs: readonly NamedTensor[]): void {
    for (const { data } of inputs) if (data instanceof Uint8Array && data.byteLength > 0) release(data.buffer as ArrayBuffer);
  }

  /** One run and what to write for it. */
  async function runOnce(served: ServedModel, { ready, inputs, assembleMs }: Assembled, ticket: BatchTicket, reason: BatchReason): Promise<() => Promise<unknown>> {
    const { model, queue, latency } = served;
    const rows = ready.reduce((sum, one) => sum + one.rows, 0);
    const predicted = latency.p50(rows);
    const queueMs = now() - ticket.takenAt;
    const { outputs, runMs } = await served.run(inputs);
    latency.observe(rows, runMs);
    observe({ queue, rows, reason, runMs, assembleMs, queueMs });
    const started = now();
    const placed = outputs.map(({ name, ...output }) => ({ position: model.outputs.findIndex((spec) => spec.name === name), ...output }));
    const shares = ready.map((one) => ({ rows: one.rows, requested: one.blob.requested }));
    const blobs = split(placed, shares, model.maxBatchSize > 0);
    const shared = { batch_rows: rows, batch: `${ticket.token}/${ticket.batch}`, worker: ticket.worker, reason };
    const times = { run_ms: round(runMs), predicted_ms: round(predicted) };
    const finished = ready.map(({ job, rows: own }, i): Finished => {
      const receipt: Receipt = { rows: own, ...shared, ...times };
      return { id: job.id, output: encodeTensorBlob(blobs[i] ?? { tensors: [], requested: [] }), receipt: JSON.stringify(receipt) };
    });
    const ns = (ms: number): number => Math.max(0, Math.round(ms * 1e6));
    const statistics = { rows, queueNs: ns(queueMs), inputNs: ns(assembleMs), inferNs: ns(runMs), outputNs: ns(now() - started) };
    return () => parts.finish(queue, ticket.token, finished, statistics);
  }

  async function runAll(served: ServedModel, assembled: Assembled, ticket: BatchTicket, reason: BatchReason): Promise<(() => Promise<unknown>)[]> {
    try {
      return [await runOnce(served, assembled, ticket, reason)];
    } catch (error) {
      const { ready } = assembled;
      const [only] = ready;
      if (ready.length <= 1) {
        report(error, 'the model could not compute a job');
        const failed = only ? [{ id: only.job.id, code: 'model_error' as const, message: 'the model could not compute this input' }] : [];
        return [() => parts.fail(served.queue, ticket.token, failed)];
      }
      const middle = Math.ceil(ready.length / 2);
      const left = await runAll(served, assemble(served, ready.slice(0, middle)), ticket, 'bisect');
      return [...left, ...(await runAll(served, assemble(served, ready.slice(middle)), ticket, 'bisect'))];
    }
  }

  /** Reads and stacks the jobs now; what cannot run fails by itself and never with its mates. */
  return function prepare(served: ServedModel, jobs: readonly TakenJob[], ticket: BatchTicket, reason: BatchReason): PreparedBatch {
    const ready: Ready[] = [];
    const failed: FailedJob[] = [];
    const refuse = (id: string, code: FailureCode, message: string): void => void failed.push({ id, code, message });
    for (const job of jobs) {
      if (job.signature !== '' && job.signature !== served.model.signature) {
        refuse(job.id, 'model_changed', 'the model was replaced while the job waited');
        continue;
      }
      try {
        const blob = readJobInput(served.model, job);
        ready.push({ job, blob, rows: rowsOf(served.model, blob) });
      } catch (error) {
        const known = error instanceof InputError ? error : new InputError('no_input', "the job's input cannot be read");
        refuse(job.id, known.code, known.message);
      }
    }
    const groups = stackable(ready).map((group) => assemble(served, group));
    const writes: Promise<unknown>[] = failed.length > 0 ? [surely(ticket.takenAt, () => parts.fail(served.queue, ticket.token, failed))] : [];
    let done = (): void => undefined;
    const settled = new Promise<void>((resolve) => {
      done = resolve;
    });
    return {
      settled,
      async execute() {
        try {
          for (const group of groups) {
            for (const write of await runAll(served, group, ticket, reason)) writes.push(surely(ticket.takenAt, write));
          }
        } catch (error) {
          groups.forEach((group) => discard(group.inputs));
          report(error, 'a batch could not be run');
        }
        void Promise.all(writes).then(done);
      },
    };
  };
}

const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/** Jobs of other tools carry no group, so equal row shapes are made sure of once more. */
function stackable(ready: readonly Ready[]): Ready[][] {
  const groups = new Map<string, Ready[]>();
  for (const one of ready) {
    const key = one.blob.tensors.map((tensor) => `${tensor.position}:${tensor.shape.slice(1).join('x')}`).join(' ');
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()];
}
