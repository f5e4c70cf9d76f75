/**
 * The story of an audit: submit jobs whose right answers are known, wait for each to its end whatever happens to the system
 * meanwhile, and count what was lost, came twice or was wrong. Kill what you like while it runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { answerSchema, computedAnswer, sameAnswer, type Answer } from './judge/answers.ts';
import type { Audit } from './judge/load-report.ts';
import type { LoadPlan, RequestKind } from './plan/load-plan.ts';
import { buildRequest } from './plan/request-bytes.ts';
import { detailOf, type System } from './system/ask-system.ts';

export type AuditPlan = {
  readonly plan: LoadPlan;
  readonly jobs: number;
  readonly clients: number;
  /** A job that has not ended so long after it was accepted is lost. */
  readonly limitMs: number;
};
type Parts = {
  readonly system: System;
  readonly signal: AbortSignal;
  readonly progress?: (done: number) => void;
};

const REFERENCES = 16;
const WAIT_S = 10;
const RETRY_MS = 200;
const EXAMPLES = 5;
const GONE = [404, 410];

type Reference = { readonly body: string; readonly answer: Answer };

/** Bodies with the right answer of each: computed where the model's arithmetic is known, else asked for before. */
async function referencesOf({ plan }: AuditPlan, kind: RequestKind, { system }: Parts) {
  const request = buildRequest({ ...kind, form: 'json' }, plan);
  const references: Reference[] = [];
  let computed = true;
  for (let i = 0; i < Math.min(REFERENCES, request.distinct); i += 1) {
    const bytes = request.stamped(plan.stampFrom + i);
    const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).toString();
    let answer = computedAnswer(kind.model, body);
    if (!answer) {
      computed = false;
      const path = `/v2/models/${encodeURIComponent(kind.model)}/infer`;
      const given = await system.ask(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      const text = await given.text();
      if (!given.ok)
        throw new Error(`${kind.model} does not answer what the audit is to compare with: ${detailOf(text)}`);
      answer = answerSchema.parse(JSON.parse(text));
    }
    references.push({ body, answer });
  }
  return { references, computed };
}

type Counts = Record<
  | 'submitted'
  | 'accepted'
  | 'refused'
  | 'unknown'
  | 'succeeded'
  | 'wrong'
  | 'failed'
  | 'lost'
  | 'redelivered'
  | 'repeatedIds',
  number
>;

/** Follows single jobs to their ends. */
function createFollower({ limitMs, plan }: AuditPlan, { system, signal }: Parts, counts: Counts) {
  const ids = new Set<string>();
  const examples: string[] = [];
  const tell = (sentence: string): void => void (examples.length < EXAMPLES && examples.push(sentence));

  async function submit(model: string, body: string): Promise<string | undefined> {
    counts.submitted += 1;
    try {
      const headers = { 'content-type': 'application/json', 'batchyard-timeout-ms': String(plan.timeoutMs) };
      const path = `/v1/models/${encodeURIComponent(model)}/jobs`;
      const answer = await system.ask(path, { method: 'POST', body, headers });
      const text = await answer.text();
      if (answer.status === 202) {
        const { id } = JSON.parse(text) as { id: string };
        counts.accepted += 1;
        if (ids.has(id)) {
          counts.repeatedIds += 1;
          tell(`the id ${id} was given twice`);
        }
        ids.add(id);
        return id;
      }
      counts.refused += 1;
      if (answer.status !== 503 && answer.status !== 429) tell(`refused with ${answer.status}: ${detailOf(text)}`);
      await sleep(RETRY_MS);
    } catch {
      // It may have been accepted: nobody can know.
      counts.unknown += 1;
      await sleep(RETRY_MS);
    }
    return undefined;
  }
  /** @returns the answer with its text; undefined while there is none */
  async function poll(id: string): Promise<{ status: number; text: string } | undefined> {
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(2_000 * WAIT_S)]);
      const answer = await system.ask(`/v1/jobs/${id}/result?wait=${WAIT_S}s`, { signal: limit });
      const text = await answer.text();
      if (answer.status === 202) return undefined;
      // What is away for a moment is not lost.
      const passing = answer.status === 503 && /queue_unavailable|overloaded|draining/.test(text);
      return passing ? undefined : { status: answer.status, text };
    } catch {
      return undefined;
    }
  }
  function judgeEnd(id: string, right: Answer, { status, text }: { status: number; text: string }): void {
    if (GONE.includes(status)) {
      counts.lost += 1;
      tell(`job ${id} was accepted and is not known: ${status}`);
    } else if (status !== 200) {
      counts.failed += 1;
      tell(`job ${id} ended with ${status}: ${detailOf(text)}`);
    } else if (sameAnswer(right, answerSchema.parse(JSON.parse(text)))) counts.succeeded += 1;
    else {
      counts.wrong += 1;
      tell(`job ${id} has a wrong answer: ${text.slice(0, 120)}`);
    }
  }
  async function look(id: string): Promise<void> {
    const answer = await system.ask(`/v1/jobs/${id}`).catch(() => undefined);
    const job = answer?.ok ? ((await answer.json()) as { deliveries?: number }) : undefined;
    if ((job?.deliveries ?? 0) > 1) counts.redelivered += 1;
  }
  return {
    examples,
    async follow(model: string, { body, answer: right }: Reference): Promise<void> {
      const id = await submit(model, body);
      if (id === undefined) return;
      const until = performance.now() + limitMs;
      while (performance.now() < until && !signal.aborted) {
        const ended = await poll(id);
        if (ended) {
          judgeEnd(id, right, ended);
          return look(id);
        }
        await sleep(RETRY_MS);
      }
      counts.lost += 1;
      tell(`job ${id} has not ended ${signal.aborted ? 'when the audit was stopped' : `within ${limitMs} ms`}`);
    },
  };
}

/** @throws Error when the system has no answer to compare with */
export async function runAudit(audit: AuditPlan, parts: Parts): Promise<Audit> {
  const [kind] = audit.plan.kinds;
  if (!kind) throw new Error('an audit needs a model');
  const since = performance.now();
  const { references, computed } = await referencesOf(audit, kind, parts);
  const before = await parts.system.completed(kind.model);
  const counts: Counts = {
    submitted: 0,
    accepted: 0,
    refused: 0,
    unknown: 0,
    succeeded: 0,
    wrong: 0,
    failed: 0,
    lost: 0,
    redelivered: 0,
    repeatedIds: 0,
  };
  const follower = createFollower(audit, parts, counts);
  let [next, done] = [0, 0];
  async function client(): Promise<void> {
    while (next < audit.jobs && !parts.signal.aborted) {
      const reference = references[next % references.length];
      next += 1;
      if (reference) await follower.follow(kind?.model ?? '', reference);
      done += 1;
      parts.progress?.(done);
    }
  }
  await Promise.all(Array.from({ length: Math.min(audit.clients, audit.jobs) }, client));
  const after = await parts.system.completed(kind.model);
  const { repeatedIds, ...counted } = counts;
  const extra = before === undefined || after === undefined ? null : after - before - counts.accepted - counts.unknown;
  return {
    model: kind.model,
    answers: computed ? 'computed' : 'asked before',
    ...counted,
    duplicated: extra === null ? null : repeatedIds + Math.max(0, extra),
    seconds: (performance.now() - since) / 1000,
    examples: follower.examples,
  };
}
