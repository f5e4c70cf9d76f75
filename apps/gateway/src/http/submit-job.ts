/**
 * POST /v1/models/{m}[/versions/{v}]/jobs: a request becomes a durable job. One with an Idempotency-Key that has come before
 * gets the job that the first one got, whatever has become of it; Redis keeps the key in the call that stores the job, so
 * there is no moment at which one of the two is there without the other.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ClaimTurn } from '@batchyard/queue/claim-turns';
import type { JobExtras } from '@batchyard/queue/operations';
import { claimRecordSchema, type ClaimRecord, type Ticket } from '@batchyard/shared/contract/claim';
import { Failure } from '@batchyard/shared/contract/failure';
import type { PriorityClass } from '@batchyard/shared/contract/job';

import { chargeRows } from './caller.ts';
import { webhookHeader, type HookDesk } from './hook-routes.ts';
import {
  parseAsked,
  readAnnounced,
  readInferBody,
  type Announced,
  type Asked,
  type InferBody,
  type Limits,
  type ModelLookup,
  type Noted,
} from './infer-route.ts';
import { linksOf } from './job-links.ts';
import type { ModelPath } from './paths.ts';
import type { Exchange } from './read-body.ts';
import { sendJson } from './respond.ts';
import { claimOf, idempotencyKey, preferenceOf, tagsHeader, type Preference } from './submit-options.ts';

type Accepted = { readonly id: string; readonly priority: PriorityClass; readonly timeoutMs: number };

export type SubmitDesk = Pick<HookDesk, 'hookTarget' | 'hooksFull'> & {
  /** @returns undefined when the claim among its extras is another job's */
  submit(asked: Asked, extrasOf?: (accepted: Accepted) => JobExtras | undefined): Promise<Accepted | undefined>;
  /** The record of the job that has a claim. */
  claimed(key: string): Promise<string | undefined>;
  /** To be had before a job with a claim is submitted. */
  claimTurn(key: string): Promise<ClaimTurn>;
  /** False in a Redis that would forget. */
  durable(): boolean;
};

type Parts = {
  readonly placing: Placing;
  readonly models: ModelLookup;
  readonly limits: Limits;
  /** Waits so long for the job, and answers with its result. @returns false when there is none yet */
  readonly answerIfDone: (exchange: Exchange, id: string, waitMs: number) => Promise<boolean>;
};

/** A key as it is kept, and what the request with it is recognised by. */
type Claim = { readonly key: string; readonly fingerprint: string };
type Placed = { readonly ticket: Ticket; readonly replayed: boolean };
type Wanted = {
  /** Is told what is left of the caller's rate. */
  readonly response: ServerResponse;
  readonly announced: Announced;
  readonly path: ModelPath;
  /** The claim of its Idempotency-Key. */
  readonly key: string | undefined;
  readonly read: () => Promise<InferBody>;
  readonly tags: string | undefined;
  /** Where its end is told. */
  readonly webhook: string | undefined;
};

const FINGERPRINT_CHARACTERS = 32;

const fingerprintOf = ({ model, version }: ModelPath, { body, headerLength }: InferBody): string =>
  createHash('sha256')
    .update(`${model}\n${version ?? ''}\n${headerLength ?? ''}\n`)
    .update(body)
    .digest('base64url')
    .slice(0, FINGERPRINT_CHARACTERS);

const readRecord = (text: string): ClaimRecord => claimRecordSchema.parse(JSON.parse(text));

function replay({ fingerprint, ...ticket }: ClaimRecord, claim: Claim): Placed {
  if (fingerprint === claim.fingerprint) return { ticket, replayed: true };
  throw new Failure('key_reused', 'the Idempotency-Key was used with another request');
}

export function createPlacing(desk: SubmitDesk, limits: Pick<Limits, 'screen' | 'elements'>) {
  const ticketOf = ({ model }: Asked, { id, priority, timeoutMs }: Accepted, submittedMs: number): Ticket => ({
    id,
    model: model.name,
    version: model.version,
    priority,
    submittedMs,
    timeoutMs,
    durable: desk.durable(),
  });

  async function known(claim: Claim): Promise<Placed | undefined> {
    const record = await desk.claimed(claim.key);
    return record === undefined ? undefined : replay(readRecord(record), claim);
  }

  /** Stores the job, unless its claim is another's. */
  async function place(
    asked: Asked,
    claim: Claim | undefined,
    { tags, webhook: url }: Pick<Wanted, 'tags' | 'webhook'>,
  ): Promise<Placed> {
    const submittedMs = Date.now();
    const { queue, caller } = asked;
    const webhook = url === undefined ? undefined : { url, queue, tenant: caller.tenant, submittedMs };
    const extras: JobExtras = { tags, webhook };
    const extrasOf = (accepted: Accepted): JobExtras => {
      if (!claim) return extras;
      const record: ClaimRecord = { ...ticketOf(asked, accepted, submittedMs), fingerprint: claim.fingerprint };
      return { ...extras, claim: { key: claim.key, record: JSON.stringify(record) } };
    };
    const accepted = await desk.submit(asked, extrasOf);
    if (accepted) return { ticket: ticketOf(asked, accepted, submittedMs), replayed: false };
    const placed = claim && (await known(claim));
    if (placed === undefined) throw new Failure('queue_unavailable', 'the key lapsed just now, try again');
    return placed;
  }

  async function placeInTurn(asked: Asked, claim: Claim, wishes: Pick<Wanted, 'tags' | 'webhook'>): Promise<Placed> {
    const turn = await desk.claimTurn(claim.key);
    if (turn.kind === 'none') return place(asked, claim, wishes);
    if (turn.kind === 'busy') throw new Failure('queue_unavailable', 'a request with this key is under way, try again');
    try {
      return (await known(claim)) ?? (await place(asked, claim, wishes));
    } finally {
      void turn.giveBack().catch(() => undefined);
    }
  }

  return {
    /** What the headers ask for besides. @throws Failure bad_request, overloaded */
    wishes: (request: IncomingMessage) => ({
      tags: tagsHeader(request.headers),
      webhook: webhookHeader(request, desk),
    }),
    /** Reads the body where the job may be stored, or is known. */
    async take({ response, announced, path, key, read, ...wishes }: Wanted, noted: Noted): Promise<Placed> {
      const { caller } = announced;
      const record = key === undefined ? undefined : await desk.claimed(key);
      // What is known already needs no room.
      const refusal = record === undefined ? limits.screen(announced) : undefined;
      if (refusal) throw refusal;
      if (record === undefined) chargeRows(caller, 0, response);
      const body = await read();
      const claim = key === undefined ? undefined : { key, fingerprint: fingerprintOf(path, body) };
      if (claim && record !== undefined) return replay(readRecord(record), claim);
      const asked = parseAsked(body, announced, noted, limits.elements);
      chargeRows(caller, asked.request.rows, response);
      return claim ? placeInTurn(asked, claim, wishes) : place(asked, undefined, wishes);
    },
  };
}
export type Placing = ReturnType<typeof createPlacing>;

function sendTicket(response: ServerResponse, { ticket }: Placed, headers: Record<string, string>): void {
  const { id, model, version, priority, submittedMs, timeoutMs, durable } = ticket;
  const links = linksOf(id);
  const body = {
    id,
    status: 'queued',
    model_name: model,
    model_version: version,
    priority,
    submitted_at: new Date(submittedMs).toISOString(),
    deadline: new Date(submittedMs + timeoutMs).toISOString(),
    durable,
    links,
  };
  sendJson(response, 202, body, { location: links.self, 'retry-after': '1', ...headers });
}

/** What was heeded of a preference, and whether the job is one that was there. */
function told({ replayed }: Placed, { respondAsync, waitMs }: Preference): Record<string, string> {
  const heeded = [...(respondAsync ? ['respond-async'] : []), ...(waitMs > 0 ? [`wait=${waitMs / 1_000}`] : [])];
  return {
    ...(replayed ? { 'idempotency-replayed': 'true' } : {}),
    ...(heeded.length > 0 ? { 'preference-applied': heeded.join(', ') } : {}),
  };
}

export function createSubmit({ placing, models, limits, answerIfDone }: Parts) {
  return async function submit(
    { request, response, noted }: Exchange & { readonly noted: Noted },
    path: ModelPath,
  ): Promise<void> {
    const announced = readAnnounced({ request, noted }, path, models);
    const prefer = preferenceOf(request.headers);
    const given = idempotencyKey(request.headers);
    const key = given === undefined ? undefined : claimOf(announced.caller.tenant, given);
    const read = (): Promise<InferBody> => readInferBody({ request, response }, limits);
    const wishes = placing.wishes(request);
    const placed = await placing.take({ response, announced, path, key, read, ...wishes }, noted);
    const { id } = placed.ticket;
    if (prefer.waitMs > 0) {
      const headers = { ...told(placed, prefer), location: linksOf(id).self };
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      if (await answerIfDone({ request, response }, id, prefer.waitMs)) return;
    }
    sendTicket(response, placed, told(placed, prefer));
  };
}
