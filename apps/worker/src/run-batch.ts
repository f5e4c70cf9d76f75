/**
 * One batch: inputs read, run, finished. A job that cannot run fails by itself and never with its mates. A result that
 * Redis cannot take now is kept and written again while its lock lives.
 */
import type { FailedJob, TakenJob } from '@batchyard/queue/operations';
import type { FailureCode } from '@batchyard/shared/contract/failure';
import { runShapes } from '@batchyard/shared/contract/run-shapes';

import type { BatchReason } from '@batchyard/shared/batching/decide-batch';
import { InputError, readJobInput, rowsOf } from './batching/job-input.ts';
import {
  createRunRows,
  type BatchTicket,
  type NamedTensor,
  type Ready,
  type RunParts,
  type ServedModel,
} from './run-rows.ts';

type Parts = RunParts & {
  readonly release: (slab: ArrayBuffer) => void;
  readonly pause: (ms: number) => Promise<void>;
  readonly lockMs: number;
};

/** A result that Redis takes from nobody is kept for so many lives of a lock, however often the lock is renewed. */
const MOST_LOCKS = 10;

export type PreparedBatch = {
  /** Runs it; resolves when the session is free again. */
  execute(): Promise<void>;
  /** Resolves when every job of it was told to Redis. */
  readonly settled: Promise<unknown>;
};

export function createRunBatch(parts: Parts) {
  const { release, now, pause, lockMs, report } = parts;
  const { assemble, runAll } = createRunRows(parts);

  /**
   * Redis may be away for a while: a result is worth more tries as long as the job may still be ours. Where only the write
   * fails and the locks are renewed, that comes to an end too, and the job runs again.
   */
  async function surely({ takenAt, lockedAt }: BatchTicket, write: () => Promise<unknown>): Promise<void> {
    for (let wait = 20; ; wait = Math.min(1_000, wait * 2)) {
      try {
        await write();
        return;
      } catch (error) {
        if (now() - lockedAt() > lockMs || now() - takenAt > MOST_LOCKS * lockMs) {
          report(error, 'a result could not be written while its lock lived');
          return;
        }
        await pause(wait);
      }
    }
  }

  function discard(inputs: readonly NamedTensor[]): void {
    for (const { data } of inputs)
      if (data instanceof Uint8Array && data.byteLength > 0) release(data.buffer as ArrayBuffer);
  }

  /** Reads and stacks the jobs now; what cannot run fails by itself and never with its mates. */
  return function prepare(
    served: ServedModel,
    jobs: readonly TakenJob[],
    ticket: BatchTicket,
    reason: BatchReason,
  ): PreparedBatch {
    const ready = new Map<ServedModel, Ready[]>();
    const failed: FailedJob[] = [];
    const refuse = (id: string, code: FailureCode, message: string): void => void failed.push({ id, code, message });
    for (const job of jobs) {
      const own = runsOn(served, job.signature);
      if (own === undefined) {
        refuse(job.id, 'model_changed', 'the model was replaced while the job waited');
        continue;
      }
      try {
        const blob = readJobInput(own.model, job);
        const mates = ready.get(own) ?? [];
        ready.set(own, mates);
        mates.push({ job, blob, rows: rowsOf(own.model, blob) });
      } catch (error) {
        const known =
          error instanceof InputError ? error : new InputError('no_input', "the job's input cannot be read");
        refuse(job.id, known.code, known.message);
      }
    }
    const groups = Array.from(ready, ([own, mates]) =>
      stackable(own, mates).map((group) => ({ own, group: assemble(own, group) })),
    ).flat();
    const writes: Promise<unknown>[] =
      failed.length > 0 ? [surely(ticket, () => parts.fail(served.queue, ticket.token, failed))] : [];
    let done = (): void => undefined;
    const settled = new Promise<void>((resolve) => {
      done = resolve;
    });
    return {
      settled,
      async execute() {
        try {
          for (const { own, group } of groups) {
            for await (const write of runAll(own, group, ticket, reason)) writes.push(surely(ticket, write));
          }
        } catch (error) {
          groups.forEach(({ group }) => discard(group.inputs));
          report(error, 'a batch could not be run');
        }
        void Promise.all(writes).then(done);
      },
    };
  };
}

/** Of the files of a model the one that a job was validated against, or one with the same inputs and outputs. */
function runsOn(served: ServedModel, signature: string): ServedModel | undefined {
  if (served.runsOn) return served.runsOn(signature);
  return signature === '' || signature === served.model.signature ? served : undefined;
}

/** Jobs of other tools carry no group, so that the shapes in which rows run are made sure of once more. */
function stackable({ model }: ServedModel, ready: readonly Ready[]): Ready[][] {
  const groups = new Map<string, Ready[]>();
  for (const one of ready) {
    const { tensors } = one.blob;
    const shapes = runShapes(model, tensors);
    const key = tensors.map(({ position }, i) => `${position}:${shapes[i]?.slice(1).join('x')}`).join(' ');
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return [...groups.values()];
}
