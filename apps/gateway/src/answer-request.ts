/**
 * STORY 1. A request's whole way: parsed and validated → admitted → queued → answered. The synchronous way waits for the
 * reply and keeps nothing; the job way returns as soon as Redis has the job.
 */
import type { AddOutcome, NewJob } from '@batchyard/queue/operations';
import { Failure, parseFailedReason } from '@batchyard/shared/contract/failure';
import { DEFAULT_CLASS, DEFAULT_TIMEOUT_MS, type JobKind, type PriorityClass } from '@batchyard/shared/contract/job';
import type { Model } from '@batchyard/shared/contract/model';
import { decodeTensorBlob, encodeTensorBlob } from '@batchyard/shared/contract/tensor-blob';

import { decideAdmission, type Load } from './admission/admit.ts';
import { newJobId } from './job-ids.ts';
import { encodeInferResponse, type InferResponse } from './protocol/encode-infer.ts';
import type { InferRequest } from './protocol/infer-request.ts';
import type { Outcome } from './queue/waiters.ts';

export type Asked = {
  readonly model: Model;
  readonly queue: string;
  readonly request: InferRequest;
  /** From headers; the body's own parameters come second. */
  readonly priority: PriorityClass | undefined;
  readonly timeoutMs: number | undefined;
};

export type Accepted = {
  readonly id: string;
  readonly queue: string;
  readonly priority: PriorityClass;
  readonly timeoutMs: number;
};

type Parts = {
  readonly gateway: string;
  load(queue: string): Load;
  add(queue: string, job: NewJob): Promise<AddOutcome>;
  wait(job: { queue: string; id: string }, limitMs: number): { outcome: Promise<Outcome>; stop(): void };
  cancel(queue: string, id: string): Promise<unknown>;
  /** A result that was too large for the reply. */
  output(queue: string, id: string): Promise<Buffer | undefined>;
};

export type AnswerRequest = {
  /** Resolves with the encoded answer. `gone` settles when the caller has hung up: then its job is cancelled. */
  infer(asked: Asked, gone: Promise<void>): Promise<InferResponse>;
  submit(asked: Asked): Promise<Accepted>;
};

const QUEUE_FULL_RETRY_S = 1;
/** A waiter ends this long after its deadline: then not even the expiry was told. */
const GRACE_MS = 500;

export function createAnswerRequest({ gateway, load, add, wait, cancel, output }: Parts): AnswerRequest {
  function admit(asked: Asked, kind: JobKind): NewJob {
    const { model, queue, request } = asked;
    const priority = asked.priority ?? request.parameters.priority ?? DEFAULT_CLASS;
    const remainingMs = asked.timeoutMs ?? request.parameters.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const admission = decideAdmission(
      { priority, timeoutMs: remainingMs, rows: request.rows, waits: kind === 'attached' },
      load(queue),
    );
    if (!admission.admit) {
      const text =
        admission.text || `Request for unknown model: '${model.name}' version ${model.version} is not at ready state`;
      throw new Failure(admission.code, text, { retryAfterS: admission.retryAfterS });
    }
    const input = encodeTensorBlob({
      tensors: request.inputs,
      requested: request.outputs.map((wanted) => wanted.position),
    });
    return {
      id: newJobId(queue),
      kind,
      priority,
      remainingMs,
      rows: request.rows,
      group: request.group,
      gateway: kind === 'attached' ? gateway : '',
      tenant: '-',
      signature: model.signature,
      input,
    };
  }

  async function store(queue: string, job: NewJob): Promise<void> {
    const outcome = await add(queue, job).catch((): AddOutcome | 'unknown' => 'unknown');
    if (outcome === 'full')
      throw new Failure('queue_full', 'Exceeds maximum queue size', { retryAfterS: QUEUE_FULL_RETRY_S });
    if (outcome === 'stale')
      throw new Failure('queue_unavailable', 'Redis answered too late; the job was not stored', { retryAfterS: 1 });
    if (outcome === 'unknown')
      throw new Failure('outcome_unknown', 'outcome unknown: Redis did not answer, try again', { retryAfterS: 1 });
  }

  async function settle(asked: Asked, id: string, outcome: Outcome): Promise<InferResponse> {
    if (outcome === 'timeout') throw new Failure('expired', 'Request timeout expired');
    if (outcome === 'gone') throw new Failure('removed', 'the job was removed from the queue', { retryAfterS: 1 });
    if (outcome.outcome === 'failed') {
      const { code, message } = parseFailedReason(outcome.text);
      throw new Failure(code, code === 'expired' ? 'Request timeout expired' : message);
    }
    const blob = outcome.output ?? (await output(asked.queue, id));
    if (!blob) throw new Failure('removed', 'the result was removed before it was read', { retryAfterS: 1 });
    return encodeInferResponse(asked.model, asked.request, decodeTensorBlob(blob));
  }

  return {
    async infer(asked, gone) {
      const job = admit(asked, 'attached');
      const waiting = wait({ queue: asked.queue, id: job.id }, job.remainingMs + GRACE_MS);
      const stored = store(asked.queue, job);
      // A cancel that overtook its job would find nothing to cancel.
      void gone
        .then(() => {
          waiting.stop();
          return stored;
        })
        .then(() => cancel(asked.queue, job.id))
        .catch(() => undefined);
      try {
        await stored;
      } catch (error) {
        waiting.stop();
        void cancel(asked.queue, job.id).catch(() => undefined);
        throw error;
      }
      const outcome = await waiting.outcome;
      if (outcome === 'timeout') void cancel(asked.queue, job.id).catch(() => undefined);
      return settle(asked, job.id, outcome);
    },
    async submit(asked) {
      const job = admit(asked, 'durable');
      await store(asked.queue, job);
      return { id: job.id, queue: asked.queue, priority: job.priority, timeoutMs: job.remainingMs };
    },
  };
}
