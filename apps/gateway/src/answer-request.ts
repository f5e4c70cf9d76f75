/**
 * STORY 1. A request's whole way: parsed and validated → known already? → admitted → queued → answered. The synchronous way waits for the
 * reply and keeps nothing; the job way returns as soon as Redis has the job.
 */
import type { JobExtras, NewJob } from '@batchyard/queue/operations';
import { Failure, parseFailedReason } from '@batchyard/shared/contract/failure';
import { signatureOf, type JobKind, type PriorityClass, type Receipt } from '@batchyard/shared/contract/job';
import type { Model } from '@batchyard/shared/contract/model';
import { decodeTensorBlob, encodeTensorBlob, type BlobTensor } from '@batchyard/shared/contract/tensor-blob';
import { WEBHOOKS } from '@batchyard/shared/contract/webhook';

import { decideAdmission } from './admission/admit.ts';
import type { QueueLoads } from './admission/queue-loads.ts';
import { termsOf } from './admission/terms.ts';
import type { Computed, ResponseCache } from './cache/response-cache.ts';
import type { Caller } from './http/caller.ts';
import { newJobId } from './job-ids.ts';
import { encodeInferResponse, resultOf, type InferResponse, type Labels } from './protocol/encode-infer.ts';
import type { InferRequest } from './protocol/infer-request.ts';
import type { AddSurely } from './queue/add-surely.ts';
import type { AwaitedJob, Outcome } from './queue/waiters.ts';

export type Asked = {
  readonly model: Model;
  readonly queue: string;
  readonly request: InferRequest;
  /** From headers; the body's own parameters come second. */
  readonly priority: PriorityClass | undefined;
  readonly timeoutMs: number | undefined;
  readonly caller: Pick<Caller, 'tenant'>;
  /** Its place in a trace, where there are traces: its job's spans lie below it. */
  readonly trace?: string | undefined;
};

export type Accepted = {
  readonly id: string;
  readonly queue: string;
  readonly priority: PriorityClass;
  readonly timeoutMs: number;
};

type Parts = {
  readonly gateway: string;
  readonly loads: Pick<QueueLoads, 'load' | 'admitted' | 'waited'>;
  readonly add: AddSurely;
  wait(job: AwaitedJob, limitMs: number): { outcome: Promise<Outcome>; stop(): void };
  cancel(queue: string, id: string): Promise<unknown>;
  /** A result that was too large for the reply. */
  output(queue: string, id: string): Promise<Buffer | undefined>;
  /** Answers what was asked before; computes everything else. */
  readonly cache: Pick<ResponseCache, 'answer' | 'mayKnow'>;
  /** Of the model's classes. */
  labels(asked: Pick<Asked, 'model' | 'queue'>): Promise<Labels | undefined>;
};

/** What is known of a request before its body is read. */
export type Announced = {
  readonly model: Model;
  readonly queue: string;
  readonly priority: PriorityClass | undefined;
  readonly timeoutMs: number | undefined;
};

export type Results = { readonly tensors: readonly BlobTensor[]; readonly cache: InferResponse['cache'] };

export type AnswerRequest = {
  /**
   * Refuses what could not be admitted whatever its body says, so that refusing costs no reading. What the cache may know
   * is read: a hit needs neither a worker nor time. Not while draining: then the connection is to end.
   * @returns the failure, as `infer` throws it
   */
  screen(announced: Announced, kind: JobKind): Failure | undefined;
  /** Resolves with the encoded answer. `gone` settles when the caller has hung up: then its job is cancelled. */
  infer(asked: Asked, gone: Promise<void>): Promise<InferResponse>;
  /** The same way, for a caller that encodes by itself: the outputs that were asked for, in the asked order. */
  results(asked: Asked, gone: Promise<void>): Promise<Results>;
  /** @returns undefined when the claim among its extras is another job's: then nothing is stored */
  submit(asked: Asked, extrasOf?: (accepted: Accepted) => JobExtras | undefined): Promise<Accepted | undefined>;
};

const SHORTEST_FULL_RETRY_S = 1;
const WORTH_LEARNING_MS = 5;
/** A waiter ends this long after its deadline: then not even the expiry was told. */
const GRACE_MS = 500;

type Prepared = { readonly terms: ReturnType<typeof termsOf>; readonly input: Buffer };
type Admitted = { readonly job: NewJob; readonly waitMs: number };

/** The decision of admission for a request, and what its end teaches the next decision. */
function createAdmission(loads: Pick<QueueLoads, 'load' | 'waited'>) {
  /** @returns the predicted wait, or why it is refused */
  function check(
    { model, queue }: Pick<Asked, 'model' | 'queue'>,
    wanted: { priority: PriorityClass; timeoutMs: number; rows: number },
    kind: JobKind,
  ): number | Failure {
    const load = loads.load(queue, wanted.priority);
    const admission = decideAdmission({ ...wanted, waits: kind === 'attached' }, load);
    if (admission.admit) return load.waitMs;
    const text =
      admission.text || `Request for unknown model: '${model.name}' version ${model.version} is not at ready state`;
    return new Failure(admission.code, text, { retryAfterS: admission.retryAfterS });
  }
  /** Teaches the prediction; short waits are not worth reading the receipt. */
  function learn(queue: string, { job, waitMs }: Admitted, outcome: Outcome): void {
    if (waitMs < WORTH_LEARNING_MS || typeof outcome === 'string') return;
    const learnt = (actualMs: number): void => loads.waited(queue, job.priority, { predictedMs: waitMs, actualMs });
    if (outcome.outcome !== 'failed') learnt((JSON.parse(outcome.text) as Receipt).queue_ms);
    // Without those that waited in vain the prediction would learn from the lucky ones alone.
    else if (parseFailedReason(outcome.text).code === 'expired') learnt(job.remainingMs);
  }
  return { check, learn };
}

/** A job's way through the queue, from its storing to its result. */
function createJobRuns(
  { loads, add, wait, cancel, output }: Parts,
  learn: ReturnType<typeof createAdmission>['learn'],
) {
  /** @returns false when another job has its claim */
  async function store(queue: string, job: NewJob, settled: () => boolean): Promise<boolean> {
    const outcome = await add(queue, job, settled);
    if (outcome === 'claims_full')
      throw new Failure('queue_full', 'as many idempotency keys are kept as may be', { retryAfterS: 60 });
    if (outcome === 'full')
      throw new Failure('queue_full', 'Exceeds maximum queue size', {
        retryAfterS: Math.max(SHORTEST_FULL_RETRY_S, loads.load(queue, job.priority).waitMs / 1000),
      });
    if (outcome === 'stale')
      throw new Failure('queue_unavailable', 'Redis answered too late; the job was not stored', { retryAfterS: 1 });
    if (outcome === 'refused')
      throw new Failure('queue_unavailable', 'Redis refused the job; it was not stored', { retryAfterS: 1 });
    if (outcome === 'unknown')
      throw new Failure('outcome_unknown', 'outcome unknown: Redis did not answer, try again', { retryAfterS: 1 });
    return outcome !== 'known';
  }

  async function settle(asked: Asked, id: string, outcome: Outcome): Promise<Computed> {
    if (outcome === 'timeout') throw new Failure('expired', 'Request timeout expired');
    if (outcome === 'gone') throw new Failure('removed', 'the job was removed from the queue', { retryAfterS: 1 });
    if (outcome.outcome === 'failed') {
      const { code, message } = parseFailedReason(outcome.text);
      throw new Failure(code, code === 'expired' ? 'Request timeout expired' : message);
    }
    const blob = outcome.output ?? (await output(asked.queue, id));
    if (!blob) throw new Failure('removed', 'the result was removed before it was read', { retryAfterS: 1 });
    return { blob, signature: signatureOf(outcome.text) };
  }

  /** Queues the job and waits for its result. */
  async function run(asked: Asked, admitted: Admitted, gone: Promise<void>): Promise<Computed> {
    const { job } = admitted;
    let isStored = false;
    const waiting = wait({ queue: asked.queue, id: job.id, stored: () => isStored }, job.remainingMs + GRACE_MS);
    let settled = false;
    void Promise.race([gone, waiting.outcome]).then(() => (settled = true));
    const stored = store(asked.queue, job, () => settled);
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
      isStored = true;
    } catch (error) {
      waiting.stop();
      if (error instanceof Failure && error.code === 'outcome_unknown')
        void cancel(asked.queue, job.id).catch(() => undefined);
      throw error;
    }
    const outcome = await waiting.outcome;
    learn(asked.queue, admitted, outcome);
    if (outcome === 'timeout') void cancel(asked.queue, job.id).catch(() => undefined);
    return settle(asked, job.id, outcome);
  }

  return { store, run };
}

const wantsLabels = ({ request }: Asked): boolean =>
  request.outputs.some(({ classification }) => classification !== undefined);

export function createAnswerRequest(parts: Parts): AnswerRequest {
  const { gateway, loads, cache } = parts;
  const { check, learn } = createAdmission(loads);
  const { store, run } = createJobRuns(parts, learn);

  function prepare({ model, request, priority, timeoutMs }: Asked): Prepared {
    const terms = termsOf(model.queueing, { priority, timeoutMs, parameters: request.parameters });
    const requested = request.outputs.map((wanted) => wanted.position);
    return { terms, input: encodeTensorBlob({ tensors: request.inputs, requested }) };
  }

  function admit(asked: Asked, kind: JobKind, { terms, input }: Prepared, spentMs = 0): Admitted {
    const { model, queue, request } = asked;
    const { rows } = request;
    const { priority, delayMs } = terms;
    const remainingMs = spentMs === 0 ? terms.remainingMs : Math.max(1, Math.round(terms.remainingMs - spentMs));
    const waitMs = check(asked, { priority, timeoutMs: remainingMs, rows }, kind);
    if (waitMs instanceof Failure) throw waitMs;
    loads.admitted(queue, { priority, rows, bytes: input.byteLength });
    const job: NewJob = {
      id: newJobId(queue, asked.caller.tenant),
      kind,
      priority,
      remainingMs,
      delayMs,
      rows,
      group: request.group,
      gateway: kind === 'attached' ? gateway : '',
      tenant: asked.caller.tenant,
      signature: model.signature,
      input,
      trace: asked.trace,
    };
    return { job, waitMs };
  }

  function answered(asked: Asked, gone: Promise<void>): ReturnType<typeof cache.answer> {
    const prepared = prepare(asked);
    const { model, queue } = asked;
    const { terms, input } = prepared;
    const { priority, remainingMs } = terms;
    const question = { model, queue, tenant: asked.caller.tenant, input, priority, remainingMs };
    return cache.answer(question, gone, (all, spentMs) => run(asked, admit(asked, 'attached', prepared, spentMs), all));
  }

  return {
    screen({ model, queue, priority, timeoutMs }, kind) {
      if (kind === 'attached' && cache.mayKnow({ model, queue }) && !loads.load(queue, 'critical').draining)
        return undefined;
      // The body, or the model's configuration, may still say otherwise: then it is given the best chance there is.
      const given = model.queueing ? undefined : timeoutMs;
      const wanted = { priority: priority ?? 'critical', timeoutMs: given ?? Number.POSITIVE_INFINITY, rows: 1 };
      const checked = check({ model, queue }, wanted, kind);
      return checked instanceof Failure ? checked : undefined;
    },
    async infer(asked, gone) {
      const { blob, cache: how } = await answered(asked, gone);
      const labels = wantsLabels(asked) ? await parts.labels(asked) : undefined;
      const answer = encodeInferResponse(asked.model, asked.request, decodeTensorBlob(blob), labels);
      return how === undefined ? answer : { ...answer, cache: how };
    },
    async results(asked, gone) {
      const { blob, cache: how } = await answered(asked, gone);
      const labels = (wantsLabels(asked) ? await parts.labels(asked) : undefined) ?? {};
      const source = { model: asked.model, result: decodeTensorBlob(blob), labels };
      return { tensors: asked.request.outputs.map((output) => resultOf(source, output)), cache: how };
    },
    async submit(asked, extrasOf) {
      const { job } = admit(asked, 'durable', prepare(asked));
      const accepted = { id: job.id, queue: asked.queue, priority: job.priority, timeoutMs: job.remainingMs };
      const extras = extrasOf?.(accepted);
      const told = extras?.webhook === undefined ? '' : WEBHOOKS;
      const stored = await store(asked.queue, { ...job, gateway: told, extras }, () => false);
      return stored ? accepted : undefined;
    },
  };
}
