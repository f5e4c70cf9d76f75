/** Clients that write down what they do: each exchange with its begin and its end, each job that was accepted. */
import { setTimeout as pause } from 'node:timers/promises';

import type { AcceptedJob, End, Exchange, Look } from './history.ts';
import { bodyOf, spell } from './subjects.ts';

/** An exchange that has not ended so long past its deadline is given up, and has no end. */
const PATIENCE_MS = 5_000;
const SUBMIT_LIMIT_MS = 10_000;
const LOOK_LIMIT_MS = 20_000;
const AGAIN_MS = 30_000;
const JOB_TIMEOUT_MS = 300_000;
const LOOKERS = 16;

type Asked = {
  readonly what: Exchange['what'];
  readonly model: string;
  readonly seed: number;
  readonly limitMs: number;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
  readonly mustSucceed?: boolean;
};
type Ack = Omit<AcceptedJob, 'looks'>;
export type Options = {
  readonly priority?: string;
  readonly timeoutMs?: number;
  readonly mustSucceed?: boolean;
  readonly mayFail?: string;
  /** The client hangs up when it fires. */
  readonly signal?: AbortSignal;
};

export type Recorder = {
  readonly acks: readonly Ack[];
  readonly exchanges: readonly Exchange[];
  /** @returns the id of the job if it was accepted */
  submit(model: string, seed: number, options?: Options): Promise<string | undefined>;
  /** @returns whether it was answered with a result */
  infer(model: string, seed: number, options?: Options): Promise<boolean>;
  /** One look at an accepted job, with a wait. */
  look(id: string): Promise<void>;
  /** Looks at every accepted job until it is terminal, then at all once more. */
  settle(limitMs: number): Promise<AcceptedJob[]>;
};

type JobLine = {
  readonly status: Look['status'] | 'queued' | 'running';
  readonly deliveries: number;
  readonly submitted_at: string;
  readonly timeline: { readonly started?: number; readonly finished?: number };
  readonly error?: { readonly code: string };
};

function brokenBy(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? `${cause.message} ${(cause as NodeJS.ErrnoException).code ?? ''}` : String(error);
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: LOOKERS }, async () => {
      for (let at = next++; at < items.length; at = next++) {
        const item = items[at];
        if (item !== undefined) results[at] = await work(item);
      }
    }),
  );
  return results;
}

export function createRecorder(url: string): Recorder {
  const exchanges: Exchange[] = [];
  const acks: Ack[] = [];

  /** @returns the answer; undefined when there was none */
  async function exchange(asked: Asked): Promise<{ status: number; body: unknown } | undefined> {
    const { what, model, seed, limitMs, path, headers = {}, body, signal, mustSucceed = false } = asked;
    const begunAt = Date.now();
    const patience = AbortSignal.timeout(limitMs + PATIENCE_MS);
    const signals = signal ? [signal, patience] : [patience];
    const write = (end: End | undefined): void => {
      const ended = end ? { end, endedAt: Date.now() } : {};
      exchanges.push({ what, model, seed, begunAt, deadlineAt: begunAt + limitMs, mustSucceed, ...ended });
    };
    try {
      const sent = body === undefined ? {} : { method: 'POST', body };
      const answer = await fetch(url + path, { headers, signal: AbortSignal.any(signals), ...sent });
      const text = await answer.text();
      const parsed: unknown = text === '' ? {} : JSON.parse(text);
      write({ kind: 'answer', status: answer.status, text: answer.status === 200 ? spell(parsed) : text });
      return { status: answer.status, body: parsed };
    } catch (error) {
      if (signal?.aborted) write({ kind: 'hung up' });
      else write(patience.aborted ? undefined : { kind: 'broken', error: brokenBy(error) });
      return undefined;
    }
  }

  function headersOf({ priority, timeoutMs }: Options, defaultMs: number): Record<string, string> {
    const timeout = { 'batchyard-timeout-ms': String(timeoutMs ?? defaultMs) };
    return priority === undefined ? timeout : { ...timeout, 'batchyard-priority': priority };
  }

  async function lookOnce({ id, model, seed }: Ack): Promise<Look | undefined> {
    const asked = { what: 'look', model, seed, limitMs: LOOK_LIMIT_MS } as const;
    const shown = await exchange({ ...asked, path: `/v1/jobs/${id}?wait=5s` });
    if (shown?.status === 404 || shown?.status === 410) return { status: 'missing' };
    if (shown?.status !== 200) return undefined;
    const { status, deliveries, submitted_at, timeline, error } = shown.body as JobLine;
    if (status === 'queued' || status === 'running') return undefined;
    const submittedAt = Date.parse(submitted_at);
    const finishedAt = submittedAt + (timeline.finished ?? 0);
    const seen = { status, deliveries, startedAt: submittedAt + (timeline.started ?? 0), finishedAt };
    if (status !== 'succeeded') return { ...seen, failure: error?.code ?? 'none' };
    const result = await exchange({ ...asked, path: `/v1/jobs/${id}/result` });
    if (result?.status === 404 || result?.status === 410) return { status: 'missing' };
    return result?.status === 200 ? { ...seen, result: spell(result.body) } : undefined;
  }

  async function look(ack: Ack, until: number): Promise<Look> {
    for (;;) {
      const found = await lookOnce(ack);
      if (found) return found;
      if (Date.now() > until) return { status: 'open' };
      await pause(50);
    }
  }

  return {
    acks,
    exchanges,
    async submit(model, seed, options = {}) {
      const submittedAt = Date.now();
      const answer = await exchange({
        ...options,
        what: 'submit',
        model,
        seed,
        limitMs: SUBMIT_LIMIT_MS,
        path: `/v1/models/${model}/jobs`,
        headers: headersOf(options, JOB_TIMEOUT_MS),
        body: bodyOf(model, seed),
      });
      if (answer?.status !== 202) return undefined;
      const { id } = answer.body as { id: string };
      const mayFail = options.mayFail === undefined ? {} : { mayFail: options.mayFail };
      acks.push({ id, model, seed, submittedAt, ...mayFail });
      return id;
    },
    async infer(model, seed, options = {}) {
      const limitMs = options.timeoutMs ?? 20_000;
      const path = `/v2/models/${model}/infer`;
      const headers = headersOf(options, limitMs);
      const answer = await exchange({
        ...options,
        what: 'infer',
        model,
        seed,
        limitMs,
        path,
        headers,
        body: bodyOf(model, seed),
      });
      return answer?.status === 200;
    },
    async look(id) {
      const ack = acks.find((one) => one.id === id);
      if (ack) await lookOnce(ack);
    },
    async settle(limitMs) {
      const until = Date.now() + limitMs;
      const first = await inParallel(acks, (ack) => look(ack, until));
      const second = await inParallel(acks, (ack) => look(ack, until + AGAIN_MS));
      return acks.map((ack, i) => ({ ...ack, looks: [first[i], second[i]].filter((one) => one !== undefined) }));
    },
  };
}
